// What WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) share: the endpoint /STREAM/NAME that takes
// an offer, the resource /STREAM/NAME/ID of each session, what may be asked there and how it is
// answered. Who may, and what becomes of the offer, is the caller's. No state, no socket.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "http/server.h"
#include "signalling/ice_servers.h"
#include "webrtc/port.h"

namespace stream::signalling {

inline constexpr std::string_view kOfferType = "application/sdp";

struct Place {
  std::string stream, id;  // id empty: the endpoint
};

class Endpoint {
 public:
  // "whip" or "whep": the last part of the endpoint's path.
  explicit Endpoint(std::string name, IceServers servers = {})
      : name_(std::move(name)), servers_(std::move(servers)) {}

  // nullopt: not one of our paths.
  std::optional<Place> place_of(std::string_view path) const;
  // By the header alone: a body is read only where there is somebody to read it. `exists`: there is
  // a session of that id.
  http::Admit admit(const http::Request& request, const Place& place, bool exists) const;
  // 201, with the session's resource.
  http::Response created(const Place& session, const webrtc::Session& ice,
                         std::string answer) const;
  // Candidates tell us nothing: the checks show where the peer is. New credentials restart ICE.
  http::Response patch(const http::Request& request, webrtc::Session& session,
                       const webrtc::Port& port) const;

 private:
  std::string name_;
  IceServers servers_;
};

// The name of a session in its URL: what nobody guesses (144 bits).
std::string make_id();
// Authorization: Bearer.
std::optional<Secret> bearer_of(const http::Request& request);
// "192.0.2.1:40000", "[2001:db8::1]:40000".
std::string remote_of(const http::Request& request);

http::Response no_session();                          // 404
http::Response unreadable(const std::string& error);  // 400: an offer
http::Response busy(const std::string& why, int retry_seconds);
// A page may read the headers that it needs. For each response.
http::Response exposed(http::Response response);

}  // namespace stream::signalling
