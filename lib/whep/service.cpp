#include "whep/service.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>
#include <vector>

namespace stream::whep {
namespace {

using namespace std::chrono_literals;
using http::problem;
using http::Request;
using http::Response;
using signalling::busy;
using signalling::exposed;

constexpr auto kTick = 200ms;
constexpr Nanoseconds kLinger = 10s;  // a stream that nobody watches is kept so long
constexpr size_t kMostWatching = 200;
constexpr Nanoseconds kPatience = 5s;  // of a player for the first key frame

Response too_many() {
  return busy("too many viewers", 5);
}

Response absent(const std::string& stream) {
  return problem(404, "Not Found", "the stream " + stream + " is not live on this machine");
}

}  // namespace

struct Service::Watched {
  struct Waiting {
    std::shared_ptr<http::Reply> reply;
    std::string offer, address;
    Nanoseconds until;
  };
  std::unique_ptr<Layers> layers;
  std::vector<Waiting> waiting;
  std::vector<Viewer*> viewers;  // of viewers_; none goes while media is handed on
  Nanoseconds used{0};           // when somebody last watched
};

Service::Service(boost::asio::io_context& io, Options options, Observer observer)
    : io_(io),
      options_(std::move(options)),
      observer_(std::move(observer)),
      endpoint_("whep", options_.ice),
      port_(io, options_.port),
      ticker_(io) {
  tick();
}

Service::~Service() {
  stop();
}

std::optional<http::Admit> Service::admit(const Request& request) const {
  const auto place = endpoint_.place_of(request.path);
  if (!place) return std::nullopt;
  if (request.method == "POST" && viewers_.size() >= options_.viewers)
    return http::Admit{0, exposed(too_many())};
  return endpoint_.admit(request, *place, viewers_.contains(place->id));
}

std::optional<Response> Service::respond(const Request& request) {
  const auto place = endpoint_.place_of(request.path);
  if (!place) return std::nullopt;
  if (request.method == "POST" && place->id.empty()) return post(request, place->stream);
  if (place->id.empty()) {  // GET and HEAD: whether there is such an endpoint
    Response response;
    response.type = signalling::kOfferType;
    return exposed(std::move(response));
  }
  const auto found = viewers_.find(place->id);
  if (found == viewers_.end() || found->second->layers().name() != place->stream)
    return exposed(signalling::no_session());
  if (request.method == "PATCH")
    return exposed(endpoint_.patch(request, found->second->session(), port_));
  Response response;
  response.status = request.method == "DELETE" ? 200 : 204;
  if (request.method == "DELETE") {
    const auto viewer = found->second;
    viewer->close();
    observer_(*viewer, Viewer::Event::kClosed, "the player stopped");
    remove(viewer->id());
  }
  return exposed(std::move(response));
}

std::shared_ptr<Service::Watched> Service::watch(const std::string& stream) {
  const auto known = watched_.find(stream);
  if (known != watched_.end()) return known->second;
  if (!Layers::is_live(stream)) return nullptr;
  auto watched = std::make_shared<Watched>();
  Watched* raw = watched.get();
  Layers::Handlers handlers;
  handlers.changed = [this, raw] { changed(*raw); };
  handlers.restarted = [this, raw] { end_all(*raw, "the stream goes on with other codecs"); };
  handlers.media = [raw](const Channel& from, const std::vector<UnitPtr>& units) {
    for (Viewer* viewer : raw->viewers)
      for (const UnitPtr& unit : units) viewer->media(from, unit);
  };
  watched->layers = std::make_unique<Layers>(io_, stream, std::move(handlers));
  watched_[stream] = watched;
  return watched;
}

Response Service::post(const Request& request, const std::string& stream) {
  const auto watched = stopped_ ? nullptr : watch(stream);
  if (!watched) return exposed(absent(stream));
  watched->used = monotonic_now();
  const std::string address = signalling::remote_of(request);
  if (watched->layers->state() != Layers::State::kWaiting)
    return exposed(answered(*watched, request.body, address));
  if (watched->waiting.size() >= options_.viewers) return exposed(too_many());
  const auto reply = std::make_shared<http::Reply>();
  watched->waiting.push_back({reply, request.body, address, monotonic_now() + kPatience});
  return http::later(reply);
}

Response Service::answered(Watched& watched, const std::string& body, const std::string& address) {
  const Layers& layers = *watched.layers;
  if (layers.state() == Layers::State::kRefused)
    return problem(406, "Not Acceptable", layers.refusal());
  if (layers.state() == Layers::State::kEnded) return absent(layers.name());
  const auto offer = webrtc::parse_description(body);
  if (!offer) return signalling::unreadable(offer.error);
  const webrtc::Local local = port_.local();
  auto viewer =
      std::make_shared<Viewer>(io_, layers, signalling::make_id(), address,
                               [this](Viewer& who, Viewer::Event event, const std::string& why) {
                                 observer_(who, event, why);
                                 if (event == Viewer::Event::kClosed) remove(who.id());
                               });
  const auto answer = webrtc::answer_viewer(
      *offer.value, local,
      {viewer->tracks(), layers.name(), layers.name(), layers.rungs().size() > 1});
  if (!answer) return problem(422, "Unprocessable Content", answer.error);
  if (!viewer->open(port_, local, *answer.value)) return too_many();
  viewers_[viewer->id()] = viewer;
  watched.viewers.push_back(viewer.get());
  return endpoint_.created({layers.name(), viewer->id()}, viewer->session(), answer->sdp);
}

// Called by the channel: it is not to be destroyed before it returns.
void Service::changed(Watched& watched) {
  const auto waiting = std::exchange(watched.waiting, {});
  for (const auto& one : waiting)
    one.reply->send(exposed(answered(watched, one.offer, one.address)));
  if (watched.layers->state() == Layers::State::kReady) return;
  end_all(watched, watched.layers->refusal());
  const auto found = watched_.find(watched.layers->name());
  if (found == watched_.end()) return;
  boost::asio::post(io_, [kept = found->second] {});
  watched_.erase(found);
}

void Service::end_all(Watched& watched, const std::string& reason) {
  const auto all = watched.viewers;
  for (Viewer* viewer : all) {
    viewer->close();
    observer_(*viewer, Viewer::Event::kClosed, reason);
    remove(viewer->id());
  }
}

// Not at once: it may be on the stack.
void Service::remove(const std::string& id) {
  const auto found = viewers_.find(id);
  if (found == viewers_.end()) return;
  Viewer* const viewer = found->second.get();
  if (const auto watched = watched_.find(viewer->layers().name()); watched != watched_.end())
    std::erase(watched->second->viewers, viewer);
  boost::asio::post(io_, [kept = found->second] {});
  viewers_.erase(found);
}

void Service::tick() {
  const Nanoseconds now = monotonic_now();
  const auto all = watched_;  // one may go by what its layers say
  for (const auto& [name, watched] : all) watched->layers->tick(now);
  for (const auto& [id, viewer] : viewers_) {
    viewer->tick(now);
    watched_.at(viewer->layers().name())->used = now;
  }
  std::erase_if(watched_, [&](auto& entry) {
    Watched& watched = *entry.second;
    const auto late = std::stable_partition(watched.waiting.begin(), watched.waiting.end(),
                                            [&](const auto& one) { return one.until > now; });
    for (auto it = late; it != watched.waiting.end(); ++it)
      it->reply->send(exposed(busy("no key frame came within 5 s; try again", 5)));
    watched.waiting.erase(late, watched.waiting.end());
    return watched.waiting.empty() && now - watched.used > kLinger;
  });
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](boost::system::error_code cancelled) {
    if (!cancelled && !stopped_) tick();
  });
}

std::vector<Service::Watching> Service::watching() const {
  std::map<std::pair<std::string, std::string>, size_t> counted;
  for (const auto& [id, viewer] : viewers_)
    if (viewer->is_connected()) ++counted[{viewer->layers().name(), viewer->channel().rung()}];
  std::vector<Watching> result;
  for (const auto& [what, count] : counted)
    if (result.size() < kMostWatching) result.push_back({what.first, what.second, count});
  return result;
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
