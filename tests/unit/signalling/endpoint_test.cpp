// What is decided by the header of a request. Sessions are tested where they are:
// tests/unit/ingest/whip_server_test.cpp and tests/unit/whep/service_test.cpp.
#include "signalling/endpoint.h"

#include <doctest/doctest.h>

using namespace stream;
using namespace stream::signalling;

namespace {

http::Request request(const std::string& method, const char* type = "application/sdp") {
  http::Request made;
  made.method = method;
  made.headers = {{"content-type", type}};
  return made;
}

std::string header(const http::Response& response, const std::string& name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return {};
}

}  // namespace

TEST_CASE("paths of endpoints and sessions, whole and cut") {
  const Endpoint whep("whep");
  const std::string whole = "/demo/whep/AbC-_9";
  const auto place = whep.place_of(whole);
  REQUIRE(place);
  CHECK(place->stream == "demo");
  CHECK(place->id == "AbC-_9");
  CHECK(whep.place_of("/demo/whep")->id.empty());
  CHECK_FALSE(Endpoint("whip").place_of(whole));
  for (size_t size = 0; size < whole.size(); ++size)
    CHECK(whep.place_of(whole.substr(0, size)).has_value() == (size == 10 || size > 11));
  for (const char* wrong : {"demo/whep", "/Demo/whep", "/../whep", "/demo/whepx", "/demo/whep/a/b",
                            "//whep", "/demo/live", "/whep", "/demo/whep//"})
    CHECK_FALSE(whep.place_of(wrong));
}

TEST_CASE("who may send a body where") {
  const Endpoint whip("whip");
  const Place endpoint{"demo", ""}, session{"demo", "x"};
  const auto status = [&](const http::Request& what, const Place& place, bool exists) {
    const auto admitted = whip.admit(what, place, exists);
    if (!admitted.answer) return -static_cast<int>(admitted.body_bytes);
    CHECK(!header(*admitted.answer, "Access-Control-Expose-Headers").empty());
    return static_cast<int>(admitted.answer->status);
  };
  const int offer = -static_cast<int>(webrtc::kMaxDescription);
  CHECK(status(request("POST"), endpoint, false) == offer);
  CHECK(status(request("POST", "Application/SDP ; charset=utf-8"), endpoint, false) == offer);
  CHECK(status(request("POST", "text/plain"), endpoint, false) == 415);
  CHECK(status(request("POST"), session, true) == 405);
  CHECK(status(request("PATCH"), endpoint, false) == 405);
  CHECK(status(request("PATCH"), session, true) == 415);
  CHECK(status(request("PATCH", "application/trickle-ice-sdpfrag"), session, true) < 0);
  CHECK(status(request("PATCH", "application/trickle-ice-sdpfrag"), session, false) == 404);
  CHECK(status(request("DELETE"), session, true) < 0);
  CHECK(status(request("DELETE"), session, false) == 404);
  CHECK(status(request("DELETE"), endpoint, false) == 405);
  const auto options = whip.admit(request("OPTIONS"), endpoint, false);
  REQUIRE(options.answer);
  CHECK(options.answer->status == 200);
  CHECK(header(*options.answer, "Accept-Post") == "application/sdp");
  CHECK(header(*options.answer, "Access-Control-Allow-Methods") == "POST, OPTIONS");
}

TEST_CASE("bearer tokens and addresses") {
  http::Request asked;
  CHECK_FALSE(bearer_of(asked));
  const auto token = [&](const char* value) {
    asked.headers = {{"authorization", value}};
    const auto found = bearer_of(asked);
    return found ? std::string(found->reveal()) : std::string("none");
  };
  CHECK(token("Bearer abc") == "abc");
  CHECK(token("bEARER  a b ") == "a b");
  for (const char* wrong : {"", "Bearer", "Bearer ", "Bearer   ", "Basic abc", "Bearerabc", "B"})
    CHECK(token(wrong) == "none");
  asked.address = "192.0.2.1";
  asked.port = 5;
  CHECK(remote_of(asked) == "192.0.2.1:5");
  asked.address = "2001:db8::1";
  CHECK(remote_of(asked) == "[2001:db8::1]:5");
}

TEST_CASE("names of sessions: long, of characters that a path may have, never twice") {
  const std::string one = make_id(), other = make_id();
  CHECK(one != other);
  CHECK(one.size() >= 24);
  for (const char c : one)
    CHECK((std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_'));
}
