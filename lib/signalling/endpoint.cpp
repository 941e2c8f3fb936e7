#include "signalling/endpoint.h"

#include <algorithm>

#include "base/lower.h"
#include "base/text.h"
#include "base/time.h"
#include "base/url.h"
#include "webrtc/fragment.h"

namespace stream::signalling {
namespace {

using http::problem;
using http::Request;
using http::Response;

constexpr std::string_view kFragmentType = "application/trickle-ice-sdpfrag";
constexpr std::string_view kBearer = "bearer ";

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool is_type(const Request& request, std::string_view type) {
  const std::string_view value = request.header("content-type");
  return lower(trimmed(value.substr(0, value.find(';')))) == type;
}

std::string entity_tag(const webrtc::Session& session) {  // changes with each restart of ICE
  return "\"" + session.local().ufrag + "\"";
}

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(wall_now().time_since_epoch()).count();
}

void add_links(const std::vector<std::string>& links, Response& response) {
  for (const std::string& link : links) response.headers.emplace_back("Link", link);
}

}  // namespace

std::optional<Place> Endpoint::place_of(std::string_view path) const {
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  const size_t slash = path.find('/');
  if (slash == path.npos || !is_stream_name(path.substr(0, slash))) return std::nullopt;
  Place place{std::string(path.substr(0, slash)), {}};
  path.remove_prefix(slash + 1);
  if (!path.starts_with(name_)) return std::nullopt;
  path.remove_prefix(name_.size());
  if (path.empty()) return place;
  if (path.size() < 2 || path[0] != '/' || path.find('/', 1) != path.npos) return std::nullopt;
  place.id = path.substr(1);
  return place;
}

http::Admit Endpoint::admit(const Request& request, const Place& place, bool exists) const {
  const bool session = !place.id.empty();
  const char* methods = session ? "PATCH, DELETE, OPTIONS" : "POST, OPTIONS";
  if (request.method == "OPTIONS") {
    Response response = http::preflight(methods, "Authorization, Content-Type, If-Match");
    response.status = 200;
    response.headers.emplace_back("Accept-Post", kOfferType);
    // RFC 9725 4.6: for clients that must know before they offer, not for the browser itself.
    if (request.header("access-control-request-method").empty())
      add_links(servers_.links(false, unix_seconds()), response);
    return {0, exposed(std::move(response))};
  }
  const auto refuse = [](unsigned status, const char* title, const std::string& why) {
    return http::Admit{0, exposed(problem(status, title, why))};
  };
  if (session && !exists) return {0, exposed(no_session())};
  if (request.method == "POST" && !session) {
    if (!is_type(request, kOfferType))
      return refuse(415, "Unsupported Media Type",
                    "an offer is sent with Content-Type: application/sdp");
    return {webrtc::kMaxDescription, std::nullopt};
  }
  if (request.method == "PATCH" && session) {
    if (!is_type(request, kFragmentType))
      return refuse(415, "Unsupported Media Type",
                    "only " + std::string(kFragmentType) + " is taken");
    return {webrtc::kMaxFragment, std::nullopt};
  }
  if (request.method == "DELETE" && session) return {webrtc::kMaxFragment, std::nullopt};
  return {0, exposed(http::method_refused(methods))};
}

Response Endpoint::created(const Place& session, const webrtc::Session& ice,
                           std::string answer) const {
  Response response;
  response.status = 201;
  response.type = kOfferType;
  response.headers = {{"Location", "/" + session.stream + "/" + name_ + "/" + session.id},
                      {"ETag", entity_tag(ice)},
                      {"Accept-Patch", std::string(kFragmentType)},
                      {"Cache-Control", "no-store"}};
  add_links(servers_.links(true, unix_seconds()), response);
  response.body = std::move(answer);
  return response;
}

Response Endpoint::patch(const Request& request, webrtc::Session& session,
                         const webrtc::Port& port) const {
  const std::string_view match = request.header("if-match");
  if (match.empty())
    return problem(428, "Precondition Required",
                   "If-Match is missing: the session's ETag, or * to restart ICE");
  if (match != "*" && match != "\"*\"" && match != entity_tag(session))
    return problem(412, "Precondition Failed", "ICE was restarted since; this is for the past");
  const auto fragment = webrtc::parse_fragment(request.body);
  if (!fragment)
    return problem(400, "Bad Request", "the fragment can't be read: " + fragment.error);
  Response response;
  response.status = 204;
  if (fragment->ice.ufrag.empty() || fragment->ice == session.remote()) return response;
  webrtc::Fragment answer;
  answer.ice = session.restart_ice(fragment->ice);
  answer.kind = fragment->kind;
  answer.mid = fragment->mid;
  answer.candidates = port.local().candidates;
  answer.end_of_candidates = answer.ice_lite = true;
  response.status = 200;
  response.type = kFragmentType;
  response.headers = {{"ETag", entity_tag(session)}};
  response.body = webrtc::write_fragment(answer);
  return response;
}

std::string make_id() {
  std::string id = webrtc::IceCredentials::make().password;
  std::replace(id.begin(), id.end(), '+', '-');
  std::replace(id.begin(), id.end(), '/', '_');
  return id;
}

std::optional<Secret> bearer_of(const Request& request) {
  const std::string_view value = request.header("authorization");
  if (lower(value.substr(0, kBearer.size())) != kBearer) return std::nullopt;
  const std::string_view token = trimmed(value.substr(kBearer.size()));
  return token.empty() ? std::nullopt : std::optional(Secret(std::string(token)));
}

std::string remote_of(const Request& request) {
  return host_port(request.address, request.port);
}

Response no_session() {
  return problem(404, "Not Found", "there is no such session, or it has ended");
}

Response unreadable(const std::string& error) {
  return problem(400, "Bad Request", "the offer can't be read: " + error);
}

Response busy(const std::string& why, int retry_seconds) {
  Response response = problem(503, "Service Unavailable", why);
  response.headers.emplace_back("Retry-After", std::to_string(retry_seconds));
  return response;
}

Response exposed(Response response) {
  response.headers.emplace_back("Access-Control-Expose-Headers",
                                "Location, ETag, Link, Retry-After, Accept-Post");
  return response;
}

}  // namespace stream::signalling
