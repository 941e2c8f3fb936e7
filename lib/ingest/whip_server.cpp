#include "ingest/whip_server.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "ingest/whip_publisher.h"

namespace stream::media {
namespace {

using namespace std::chrono_literals;
using http::problem;
using http::Request;
using http::Response;
using signalling::exposed;

constexpr auto kWhipTick = 20ms;

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
  return signalling::busy(
      (admission.description.empty() ? "nobody can tell whether the key is right at the moment"
                                     : admission.description) +
          "; try again",
      5);
}

Response too_many() {
  return signalling::busy("too many sessions; try again later", 30);
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
      endpoint_("whip", options_.ice),
      hooks_(std::move(hooks)),
      ticker_(io),
      http_(
          io, options_.host, options_.port,
          [this](const Request& request) { return exposed(respond(request)); },
          limits_of(options_.connections)) {
  http_.admit([this](const Request& request) { return admit(request); });
  http_.secure(options_.tls);
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

http::Admit WhipServer::admit(const Request& request) const {
  const auto place = endpoint_.place_of(request.path);
  if (!place) return {0, exposed(not_found())};
  return endpoint_.admit(request, *place, find(place->id) != nullptr);
}

Response WhipServer::respond(const Request& request) {
  const auto place = endpoint_.place_of(request.path);
  if (!place) return not_found();
  const auto publisher = find(place->id);
  if (!place->id.empty() && (!publisher || publisher->stream() != place->stream))
    return signalling::no_session();
  if (request.method == "POST") return post(request, place->stream);
  if (request.method == "PATCH") return endpoint_.patch(request, publisher->session(), *port_);
  Response response;
  response.status = request.method == "DELETE" ? 200 : 204;  // GET: RFC 9725 4.1
  if (request.method == "DELETE") publisher->stopped();
  return response;
}

Response WhipServer::post(const Request& request, const std::string& stream) {
  if (publishers_.size() >= options_.connections || stopped_) return too_many();
  PublishAttempt attempt;
  attempt.protocol = "whip";
  attempt.address = signalling::remote_of(request);
  attempt.host = request.address;
  attempt.encoder = request.header("user-agent");
  attempt.stream = stream;
  attempt.clock = RtpMedia::kClock;
  if (auto key = signalling::bearer_of(request)) attempt.keys.push_back(std::move(*key));
  const auto reply = std::make_shared<http::Reply>();
  hooks_.check(attempt, [this, alive = alive_, reply, attempt,
                         offer = request.body](PublisherAdmission admission) {
    if (!*alive || stopped_) return reply->send(exposed(too_many()));
    const Nanoseconds delay = admission.delay;
    Response response = exposed(checked(attempt, std::move(admission), offer));
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
  const auto refuse = [&](const std::string& why, Response response) {
    if (hooks_.refused) hooks_.refused(attempt.address, why, "whip.offer");
    return response;
  };
  const auto offer = webrtc::parse_description(body);
  if (!offer)
    return refuse("the offer can't be read: " + offer.error, signalling::unreadable(offer.error));
  const webrtc::Local local = port_->local();
  const auto answer = webrtc::answer_publisher(*offer.value, local, policy_of(options_.codecs));
  if (!answer) return refuse(answer.error, problem(422, "Unprocessable Content", answer.error));
  const std::string stream = attempt.stream;
  attempt.keys.clear();
  auto publisher = std::make_shared<WhipPublisher>(*this, signalling::make_id(), std::move(attempt),
                                                   std::move(admission));
  if (!publisher->open(local, *answer.value)) return too_many();
  publishers_[publisher->id()] = publisher;
  changed_ = true;
  ++accepted_;
  return endpoint_.created({stream, publisher->id()}, publisher->session(), answer->sdp);
}

// Not at once: it may be on the stack.
void WhipServer::remove(const WhipPublisher& publisher) {
  const auto it = publishers_.find(publisher.id());
  if (it == publishers_.end()) return;
  boost::asio::post(io_, [kept = it->second] {});
  publishers_.erase(it);
  changed_ = true;
}

void WhipServer::tick() {
  ticker_.expires_after(kWhipTick);
  ticker_.async_wait([this](boost::system::error_code cancelled) {
    if (cancelled) return;
    const Nanoseconds now = monotonic_now();
    if (std::exchange(changed_, false)) {
      ticked_.clear();
      for (const auto& [id, publisher] : publishers_) ticked_.push_back(publisher);
    }
    for (const auto& publisher : ticked_) publisher->tick(now);
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
