#include "whep/service.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>
#include <vector>

#include "os/dirs.h"
#include "os/unix_socket.h"
#include "webrtc/fragment.h"
#include "whep/place.h"

namespace stream::whep {
namespace {

using namespace std::chrono_literals;
using http::problem;
using http::Request;
using http::Response;

constexpr auto kTick = 200ms;
constexpr Nanoseconds kLinger = 10s;   // a stream that nobody watches is kept so long
constexpr Nanoseconds kPatience = 5s;  // of a player for the first key frame
constexpr char kOfferType[] = "application/sdp";
constexpr char kFragmentType[] = "application/trickle-ice-sdpfrag";

bool is_type(const Request& request, std::string_view type) {
  std::string_view value = request.header("content-type");
  value = value.substr(0, value.find(';'));
  while (value.ends_with(' ')) value.remove_suffix(1);
  return std::equal(value.begin(), value.end(), type.begin(), type.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  });
}

Response shown(Response response) {
  response.headers.emplace_back("Access-Control-Expose-Headers", "Location, ETag, Retry-After");
  return response;
}

Response busy(const std::string& why) {
  Response response = problem(503, "Service Unavailable", why);
  response.headers.emplace_back("Retry-After", "5");
  return response;
}

Response absent(const std::string& stream) {
  return problem(404, "Not Found", "the stream " + stream + " is not live on this machine");
}

// What nobody guesses (144 bits).
std::string make_id() {
  std::string id = webrtc::IceCredentials::make().password;
  std::replace(id.begin(), id.end(), '+', '-');
  std::replace(id.begin(), id.end(), '/', '_');
  return id;
}

}  // namespace

struct Service::Watched {
  struct Waiting {
    std::shared_ptr<http::Reply> reply;
    std::string offer, address;
    Nanoseconds until;
  };
  std::unique_ptr<Channel> channel;
  std::vector<Waiting> waiting;
  Nanoseconds used{0};  // when somebody last watched
};

Service::Service(boost::asio::io_context& io, Options options, Observer observer)
    : io_(io),
      options_(std::move(options)),
      observer_(std::move(observer)),
      port_(io, options_.port),
      ticker_(io) {
  tick();
}

Service::~Service() {
  stop();
}

std::optional<http::Admit> Service::admit(const Request& request) const {
  const auto place = place_of(request.path);
  if (!place) return std::nullopt;
  const bool session = !place->id.empty();
  const char* methods = session ? "PATCH, DELETE, OPTIONS" : "POST, OPTIONS";
  if (request.method == "OPTIONS") {
    Response response = http::preflight(methods, "Authorization, Content-Type, If-Match");
    response.headers.emplace_back("Accept-Post", kOfferType);
    return http::Admit{0, shown(std::move(response))};
  }
  const auto refuse = [](unsigned status, const char* title, const std::string& why) {
    return http::Admit{0, shown(problem(status, title, why))};
  };
  if (session && viewers_.find(place->id) == viewers_.end())
    return refuse(404, "Not Found", "there is no such session, or it has ended");
  if (request.method == "POST" && !session) {
    if (!is_type(request, kOfferType))
      return refuse(415, "Unsupported Media Type",
                    "an offer is sent with Content-Type: application/sdp");
    if (viewers_.size() >= options_.viewers) return http::Admit{0, shown(busy("too many viewers"))};
    return http::Admit{webrtc::kMaxDescription, std::nullopt};
  }
  if (request.method == "PATCH" && session) {
    if (!is_type(request, kFragmentType))
      return refuse(415, "Unsupported Media Type",
                    std::string("only ") + kFragmentType + " is taken");
    return http::Admit{webrtc::kMaxFragment, std::nullopt};
  }
  if (request.method == "DELETE" && session) return http::Admit{webrtc::kMaxFragment, std::nullopt};
  return http::Admit{0, shown(http::method_refused(methods))};
}

std::optional<Response> Service::respond(const Request& request) {
  const auto place = place_of(request.path);
  if (!place) return std::nullopt;
  if (request.method == "POST" && place->id.empty()) return post(request, place->stream);
  if (place->id.empty()) {  // GET and HEAD: whether there is such an endpoint
    Response response;
    response.type = kOfferType;
    return shown(std::move(response));
  }
  const auto found = viewers_.find(place->id);
  if (found == viewers_.end() || found->second->channel().name() != place->stream)
    return shown(problem(404, "Not Found", "there is no such session, or it has ended"));
  if (request.method == "PATCH") return shown(patch(request, *found->second));
  Response response;
  response.status = request.method == "DELETE" ? 200 : 204;
  if (request.method == "DELETE") {
    const auto viewer = found->second;
    viewer->close();
    observer_(*viewer, Viewer::Event::kClosed, "the player stopped");
    remove(viewer->id());
  }
  return shown(std::move(response));
}

std::shared_ptr<Service::Watched> Service::watch(const std::string& stream) {
  const auto known = watched_.find(stream);
  if (known != watched_.end()) return known->second;
  // Before anything is made for a name that somebody came up with.
  if (!os::socket_is_live(os::media_socket_path(stream))) return nullptr;
  auto watched = std::make_shared<Watched>();
  Watched* raw = watched.get();
  Channel::Handlers handlers;
  handlers.changed = [this, raw] { changed(*raw); };
  handlers.restarted = [this, raw] { end_all(*raw, "the stream goes on with other codecs"); };
  handlers.media = [this, raw](const UnitPtr& unit) {
    for (const auto& [id, viewer] : viewers_)
      if (&viewer->channel() == raw->channel.get()) viewer->media(unit);
  };
  watched->channel = std::make_unique<Channel>(io_, stream, std::move(handlers));
  watched_[stream] = watched;
  return watched;
}

Response Service::post(const Request& request, const std::string& stream) {
  const auto watched = stopped_ ? nullptr : watch(stream);
  if (!watched) return shown(absent(stream));
  watched->used = monotonic_now();
  const bool v6 = request.address.find(':') != std::string::npos;
  const std::string address =
      (v6 ? "[" + request.address + "]" : request.address) + ":" + std::to_string(request.port);
  if (watched->channel->state() != Channel::State::kWaiting)
    return shown(answered(*watched, request.body, address));
  if (watched->waiting.size() >= options_.viewers) return shown(busy("too many viewers"));
  const auto reply = std::make_shared<http::Reply>();
  watched->waiting.push_back({reply, request.body, address, monotonic_now() + kPatience});
  return http::later(reply);
}

Response Service::answered(Watched& watched, const std::string& body, const std::string& address) {
  Channel& channel = *watched.channel;
  if (channel.state() == Channel::State::kRefused)
    return problem(406, "Not Acceptable", channel.refusal());
  if (channel.state() == Channel::State::kEnded) return absent(channel.name());
  const auto offer = webrtc::parse_description(body);
  if (!offer) return problem(400, "Bad Request", "the offer can't be read: " + offer.error);
  const webrtc::Local local = port_.local();
  auto viewer =
      std::make_shared<Viewer>(io_, channel, make_id(), address,
                               [this](Viewer& who, Viewer::Event event, const std::string& why) {
                                 observer_(who, event, why);
                                 if (event == Viewer::Event::kClosed) remove(who.id());
                               });
  const auto answer = webrtc::answer_viewer(*offer.value, local,
                                            {viewer->tracks(), channel.name(), channel.name()});
  if (!answer) return problem(422, "Unprocessable Content", answer.error);
  if (!viewer->open(port_, local, *answer.value)) return busy("too many viewers");
  viewers_[viewer->id()] = viewer;
  Response response;
  response.status = 201;
  response.type = kOfferType;
  response.headers = {{"Location", "/" + channel.name() + "/whep/" + viewer->id()},
                      {"ETag", viewer->entity_tag()},
                      {"Accept-Patch", kFragmentType},
                      {"Cache-Control", "no-store"}};
  response.body = answer->sdp;
  return response;
}

Response Service::patch(const Request& request, Viewer& viewer) const {
  const std::string_view match = request.header("if-match");
  if (match.empty())
    return problem(428, "Precondition Required",
                   "If-Match is missing: the session's ETag, or * to restart ICE");
  if (match != "*" && match != "\"*\"" && match != viewer.entity_tag())
    return problem(412, "Precondition Failed", "ICE was restarted since; this is for the past");
  const auto fragment = webrtc::parse_fragment(request.body);
  if (!fragment)
    return problem(400, "Bad Request", "the fragment can't be read: " + fragment.error);
  Response response;
  response.status = 204;
  if (!viewer.restarts(fragment->ice)) return response;
  webrtc::Fragment answer;
  answer.ice = viewer.restart(fragment->ice);
  answer.kind = fragment->kind;
  answer.mid = fragment->mid;
  answer.candidates = port_.local().candidates;
  answer.end_of_candidates = answer.ice_lite = true;
  response.status = 200;
  response.type = kFragmentType;
  response.headers = {{"ETag", viewer.entity_tag()}};
  response.body = webrtc::write_fragment(answer);
  return response;
}

// Called by the channel: it is not to be destroyed before it returns.
void Service::changed(Watched& watched) {
  const auto waiting = std::exchange(watched.waiting, {});
  for (const auto& one : waiting) one.reply->send(shown(answered(watched, one.offer, one.address)));
  if (watched.channel->state() == Channel::State::kReady) return;
  end_all(watched, watched.channel->refusal());
  const auto found = watched_.find(watched.channel->name());
  if (found == watched_.end()) return;
  boost::asio::post(io_, [kept = found->second] {});
  watched_.erase(found);
}

void Service::end_all(Watched& watched, const std::string& reason) {
  const auto all = viewers_;
  for (const auto& [id, viewer] : all) {
    if (&viewer->channel() != watched.channel.get()) continue;
    viewer->close();
    observer_(*viewer, Viewer::Event::kClosed, reason);
    remove(id);
  }
}

// Not at once: it may be on the stack.
void Service::remove(const std::string& id) {
  const auto found = viewers_.find(id);
  if (found == viewers_.end()) return;
  boost::asio::post(io_, [kept = found->second] {});
  viewers_.erase(found);
}

void Service::tick() {
  const Nanoseconds now = monotonic_now();
  for (const auto& [id, viewer] : viewers_) {
    viewer->tick(now);
    watched_.at(viewer->channel().name())->used = now;
  }
  std::erase_if(watched_, [&](auto& entry) {
    Watched& watched = *entry.second;
    const auto late = std::stable_partition(watched.waiting.begin(), watched.waiting.end(),
                                            [&](const auto& one) { return one.until > now; });
    for (auto it = late; it != watched.waiting.end(); ++it)
      it->reply->send(shown(busy("no key frame came within 5 s; try again")));
    watched.waiting.erase(late, watched.waiting.end());
    return watched.waiting.empty() && now - watched.used > kLinger;
  });
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled && !stopped_) tick();
  });
}

size_t Service::connected() const {
  return static_cast<size_t>(std::count_if(viewers_.begin(), viewers_.end(), [](const auto& one) {
    return one.second->is_connected();
  }));
}

void Service::stop() {
  if (std::exchange(stopped_, true)) return;
  ticker_.cancel();
  for (const auto& [name, watched] : watched_) end_all(*watched, "the server stops");
  port_.stop();
}

}  // namespace stream::whep
