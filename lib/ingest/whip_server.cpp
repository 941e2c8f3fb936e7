#include "ingest/whip_server.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "base/text.h"
#include "ingest/whip_publisher.h"
#include "webrtc/fragment.h"

namespace stream::media {
namespace {

using namespace std::chrono_literals;
using http::problem;
using http::Request;
using http::Response;

constexpr auto kTick = 20ms;
constexpr char kMethods[] = "POST, PATCH, DELETE, OPTIONS";
constexpr char kOfferType[] = "application/sdp";
constexpr char kFragmentType[] = "application/trickle-ice-sdpfrag";
constexpr char kBearer[] = "Bearer ";

// /STREAM/whip and /STREAM/whip/ID
struct Place {
  std::string stream, id;
};
std::optional<Place> place_of(std::string_view path) {
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  const size_t slash = path.find('/');
  if (slash == path.npos) return std::nullopt;
  Place place{std::string(path.substr(0, slash)), {}};
  path.remove_prefix(slash + 1);
  if (!is_stream_name(place.stream) || !path.starts_with("whip")) return std::nullopt;
  path.remove_prefix(4);
  if (path.empty()) return place;
  if (!path.starts_with('/') || path.size() < 2) return std::nullopt;
  place.id = path.substr(1);
  if (place.id.find('/') != std::string::npos) return std::nullopt;
  return place;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

bool is_type(const Request& request, std::string_view type) {
  const std::string_view value = request.header("content-type");
  std::string_view bare = value.substr(0, value.find(';'));
  while (bare.ends_with(' ')) bare.remove_suffix(1);
  return lower(bare) == type;
}

std::optional<Secret> bearer_of(const Request& request) {
  const std::string_view value = request.header("authorization");
  if (lower(value.substr(0, sizeof kBearer - 1)) != lower(kBearer)) return std::nullopt;
  std::string_view token = value.substr(sizeof kBearer - 1);
  while (token.starts_with(' ')) token.remove_prefix(1);
  while (token.ends_with(' ')) token.remove_suffix(1);
  return token.empty() ? std::nullopt : std::optional(Secret(std::string(token)));
}

// A page may read what it needs; caches keep nothing.
Response shown(Response response) {
  response.headers.emplace_back("Access-Control-Expose-Headers",
                                "Location, ETag, Link, Retry-After, Accept-Post");
  return response;
}

Response not_found() {
  return problem(404, "Not Found", "publish to /STREAM/whip; a session's URL is in Location");
}

Response refusal_of(const PublisherAdmission& admission, bool had_key) {
  using Refusal = PublisherAdmission::Refusal;
  if (admission.refusal == Refusal::kKey) {
    Response response = problem(401, "Unauthorized",
                                had_key ? "unknown stream key; put the key into Authorization: "
                                          "Bearer KEY as the operator gave it"
                                        : "a key is missing; send Authorization: Bearer KEY");
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
    return response;
  }
  if (admission.refusal == Refusal::kStream)
    return problem(403, "Forbidden", admission.description + "; publish to the key's own stream");
  if (admission.refusal == Refusal::kConflict)
    return problem(409, "Conflict", admission.description + "; stop the other publisher first");
  Response response = problem(503, "Service Unavailable",
                              (admission.description.empty() ? "nobody can tell whether the key is "
                                                               "right at the moment"
                                                             : admission.description) +
                                  "; try again");
  response.headers.emplace_back("Retry-After", "5");
  return response;
}

Response too_many() {
  Response response = problem(503, "Service Unavailable", "too many sessions; try again later");
  response.headers.emplace_back("Retry-After", "30");
  return response;
}

// Best first, of those that are taken.
webrtc::PublisherPolicy policy_of(const std::vector<std::string>& codecs) {
  webrtc::PublisherPolicy policy;
  if (!codecs.empty())
    std::erase_if(policy.codecs, [&](const std::string& codec) {
      return std::find(codecs.begin(), codecs.end(), codec) == codecs.end();
    });
  return policy;
}

// The name of a session in its URL: what nobody guesses (144 bits).
std::string make_id() {
  std::string id = webrtc::IceCredentials::make().password;
  std::replace(id.begin(), id.end(), '+', '-');
  std::replace(id.begin(), id.end(), '/', '_');
  return id;
}

http::Limits limits_of(size_t connections) {
  http::Limits limits;
  limits.connections = std::max<size_t>(connections, 16);
  limits.answer_time = 15s;
  return limits;
}

}  // namespace

WhipServer::WhipServer(boost::asio::io_context& io, std::shared_ptr<webrtc::Port> port,
                       Options options, PublisherHooks hooks)
    : io_(io),
      port_(std::move(port)),
      options_(std::move(options)),
      hooks_(std::move(hooks)),
      ticker_(io),
      http_(
          io, options_.host, options_.port,
          [this](const Request& request) { return shown(respond(request)); },
          limits_of(options_.connections)) {
  http_.admit([this](const Request& request) {
    http::Admit admission = admit(request);
    if (admission.answer) admission.answer = shown(std::move(*admission.answer));
    return admission;
  });
  tick();
}

WhipServer::~WhipServer() {
  stop();
  *alive_ = false;
}

std::string WhipServer::address() const {
  return http_.address();
}

std::shared_ptr<WhipPublisher> WhipServer::find(const std::string& id) const {
  const auto it = publishers_.find(id);
  return it == publishers_.end() ? nullptr : it->second;
}

// By the header alone: a body is read only where there is somebody to read it.
http::Admit WhipServer::admit(const Request& request) const {
  const auto place = place_of(request.path);
  if (request.method == "OPTIONS") {
    Response response = http::preflight(kMethods, "Authorization, Content-Type, If-Match");
    response.status = 200;
    response.headers.emplace_back("Accept-Post", kOfferType);
    return {0, std::move(response)};
  }
  if (!place) return {0, not_found()};
  const bool session = !place->id.empty();
  if (session && !find(place->id))
    return {0, problem(404, "Not Found", "there is no such session, or it has ended")};
  if (request.method == "POST" && !session) {
    if (!is_type(request, kOfferType))
      return {0, problem(415, "Unsupported Media Type",
                         "an offer is sent with Content-Type: application/sdp")};
    return {webrtc::kMaxDescription, std::nullopt};
  }
  if (request.method == "PATCH" && session) {
    if (!is_type(request, kFragmentType))
      return {0, problem(415, "Unsupported Media Type",
                         std::string("only ") + kFragmentType + " is taken")};
    return {webrtc::kMaxFragment, std::nullopt};
  }
  if (request.method == "DELETE" && session) return {webrtc::kMaxFragment, std::nullopt};
  Response response = http::method_refused(session ? "PATCH, DELETE, OPTIONS" : "POST, OPTIONS");
  return {0, std::move(response)};
}

Response WhipServer::respond(const Request& request) {
  const auto place = place_of(request.path);
  const auto publisher = place && !place->id.empty() ? find(place->id) : nullptr;
  if (!place || (!place->id.empty() && !publisher)) return not_found();
  if (publisher && publisher->stream() != place->stream) return not_found();
  if (request.method == "POST") return post(request, place->stream);
  if (request.method == "PATCH") return patch(request, *publisher);
  Response response;
  response.status = request.method == "DELETE" ? 200 : 204;  // GET: RFC 9725 4.1
  if (request.method == "DELETE") publisher->stopped();
  return response;
}

Response WhipServer::post(const Request& request, const std::string& stream) {
  if (publishers_.size() >= options_.connections || stopped_) return too_many();
  PublishAttempt attempt;
  attempt.protocol = "whip";
  const bool v6 = request.address.find(':') != std::string::npos;
  attempt.address =
      (v6 ? "[" + request.address + "]" : request.address) + ":" + std::to_string(request.port);
  attempt.host = request.address;
  attempt.encoder = request.header("user-agent");
  attempt.stream = stream;
  attempt.clock = RtpMedia::kClock;
  if (auto key = bearer_of(request)) attempt.keys.push_back(std::move(*key));
  const auto reply = std::make_shared<http::Reply>();
  hooks_.check(attempt, [this, alive = alive_, reply, attempt,
                         offer = request.body](PublisherAdmission admission) {
    if (!*alive || stopped_) return reply->send(shown(too_many()));
    const Nanoseconds delay = admission.delay;
    Response response = shown(checked(attempt, std::move(admission), offer));
    if (delay <= 0ns) return reply->send(std::move(response));
    const auto timer = std::make_shared<boost::asio::steady_timer>(
        io_, std::chrono::duration_cast<boost::asio::steady_timer::duration>(delay));
    const auto kept = std::make_shared<Response>(std::move(response));
    timer->async_wait(
        [timer, kept, reply](boost::system::error_code) { reply->send(std::move(*kept)); });
  });
  return http::later(reply);
}

// The key is right: now the offer is looked at.
Response WhipServer::checked(PublishAttempt attempt, PublisherAdmission admission,
                             const std::string& body) {
  if (!admission.ok()) return refusal_of(admission, !attempt.keys.empty());
  const auto refuse = [&](unsigned status, const char* title, const std::string& why) {
    if (hooks_.refused) hooks_.refused(attempt.address, why, "whip.offer");
    return problem(status, title, why);
  };
  const auto offer = webrtc::parse_description(body);
  if (!offer) return refuse(400, "Bad Request", "the offer can't be read: " + offer.error);
  const webrtc::Local local = port_->local();
  const auto answer = webrtc::answer_publisher(*offer.value, local, policy_of(options_.codecs));
  if (!answer) return refuse(422, "Unprocessable Content", answer.error);
  const std::string stream = attempt.stream;
  attempt.keys.clear();
  auto publisher =
      std::make_shared<WhipPublisher>(*this, make_id(), std::move(attempt), std::move(admission));
  if (!publisher->open(local, *answer.value)) return too_many();
  publishers_[publisher->id()] = publisher;
  ++accepted_;
  Response response;
  response.status = 201;
  response.type = kOfferType;
  response.headers = {{"Location", "/" + stream + "/whip/" + publisher->id()},
                      {"ETag", publisher->entity_tag()},
                      {"Accept-Patch", kFragmentType},
                      {"Cache-Control", "no-store"}};
  response.body = answer->sdp;
  return response;
}

// Candidates tell us nothing: the checks show where the peer is. New credentials restart ICE.
Response WhipServer::patch(const Request& request, WhipPublisher& publisher) const {
  const std::string_view match = request.header("if-match");
  if (match.empty())
    return problem(428, "Precondition Required",
                   "If-Match is missing: the session's ETag, or * to restart ICE");
  const bool any = match == "*" || match == "\"*\"";
  if (!any && match != publisher.entity_tag())
    return problem(412, "Precondition Failed", "ICE was restarted since; this is for the past");
  const auto fragment = webrtc::parse_fragment(request.body);
  if (!fragment)
    return problem(400, "Bad Request", "the fragment can't be read: " + fragment.error);
  Response response;
  response.status = 204;
  if (!publisher.restarts(fragment->ice)) return response;
  webrtc::Fragment answer;
  answer.ice = publisher.restart(fragment->ice);
  answer.kind = fragment->kind;
  answer.mid = fragment->mid;
  answer.candidates = port_->local().candidates;
  answer.end_of_candidates = answer.ice_lite = true;
  response.status = 200;
  response.type = kFragmentType;
  response.headers = {{"ETag", publisher.entity_tag()}};
  response.body = webrtc::write_fragment(answer);
  return response;
}

// Not at once: it may be on the stack.
void WhipServer::remove(const WhipPublisher& publisher) {
  const auto it = publishers_.find(publisher.id());
  if (it == publishers_.end()) return;
  boost::asio::post(io_, [kept = it->second] {});
  publishers_.erase(it);
}

void WhipServer::tick() {
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    const Nanoseconds now = monotonic_now();
    const auto all = publishers_;
    for (const auto& [id, publisher] : all) publisher->tick(now);
    if (!stopped_) tick();
  });
}

void WhipServer::stop() {
  if (std::exchange(stopped_, true)) return;
  http_.close();
  ticker_.cancel();
  const auto all = publishers_;
  for (const auto& [id, publisher] : all)
    publisher->end(PublisherEnd::kShutdown, "the server stops");
}

PublisherServer::Counts WhipServer::counts() const {
  Counts counts;
  for (const auto& [id, publisher] : publishers_)
    publisher->publishes() ? ++counts.publishing : ++counts.waiting;
  counts.accepted = accepted_;
  return counts;
}

}  // namespace stream::media
