#include "signalling/ice_servers.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace stream;
using namespace stream::signalling;
using Uris = std::vector<std::string>;

namespace {

std::string refusal(const Uris& uris, const char* login = "", const char* shared = "") {
  try {
    IceServers(uris, Secret(login), Secret(shared));
    return {};
  } catch (const Error& error) {
    return error.id();
  }
}

}  // namespace

TEST_CASE("Link headers of STUN and TURN") {
  const Uris uris{"turn:turn.example.net:3478?transport=udp", "stun:stun.example.net",
                  "turns:[2001:db8::1]:5349?transport=tcp"};
  const IceServers servers(uris, Secret("me:se:cret"), {});
  const auto links = servers.links(true, 0);
  REQUIRE(links.size() == 3);
  CHECK(links[0] == "<stun:stun.example.net>; rel=\"ice-server\"");
  CHECK(links[1] ==
        "<turn:turn.example.net:3478?transport=udp>; rel=\"ice-server\"; username=\"me\"; "
        "credential=\"se:cret\"; credential-type=\"password\"");
  CHECK(links[2].starts_with("<turns:[2001:db8::1]:5349?transport=tcp>; "));
  CHECK(servers.links(false, 0) == std::vector<std::string>{links[0]});
  CHECK(IceServers().links(true, 0).empty());
}

// HMAC-SHA1 of "1700086400" with the key "north", in base64, by openssl(1).
TEST_CASE("a name and a password for a day") {
  const IceServers servers({"turn:a"}, {}, Secret("north"));
  const auto links = servers.links(true, 1'700'000'000);
  REQUIRE(links.size() == 1);
  CHECK(links[0] ==
        "<turn:a>; rel=\"ice-server\"; username=\"1700086400\"; "
        "credential=\"K+RlgFj3QLvB7WAVHfjfgMgyBeA=\"; credential-type=\"password\"");
}

TEST_CASE("what is no server, and what opens none") {
  for (const char* good : {"stun:a", "stuns:a-b.c:1", "stun:[::1]", "stun:192.0.2.1:3478"})
    CHECK(refusal({good}).empty());
  for (const char* wrong : {"", "stun", "stun:", "stun://a", "http:a", "stun:a:0", "stun:a:65536",
                            "stun:a:x", "stun:a?transport=udp", "stun:a>", "stun:a b", "stun:\"a",
                            "stun:[::1", "stun:a,b", "STUN:a"})
    CHECK(refusal({wrong}) == "ice.server");
  CHECK(refusal({"turn:a?transport=sctp"}, "a:b") == "ice.server");
  CHECK(refusal({"turn:user:word@a"}, "a:b") == "secret.argv");
  CHECK(refusal({"turn:a"}) == "ice.login");
  CHECK(refusal({"turn:a"}, "a:b", "c") == "ice.login");
  CHECK(refusal({"stun:a"}, "a:b") == "ice.login");
  CHECK(refusal({"stun:a"}, "", "c") == "ice.login");
  for (const char* wrong : {"a", ":", "a:", ":b", "a b:c", "a:b\"", "a:b\\", "a:b,c", "a:b\n"})
    CHECK(refusal({"turn:a"}, wrong) == "ice.login");
}
