#include "webrtc/ice_lite.h"

#include <doctest/doctest.h>

using namespace stream;
using namespace stream::webrtc;
using namespace std::chrono_literals;

namespace {

const IceCredentials kOurs{"ours", "0123456789012345678901"},
    kTheirs{"them", "abcdefghijabcdefghijab"};

Path path(uint16_t port) {
  return {Endpoint(boost::asio::ip::make_address("192.0.2.1"), port), {}};
}

StunWriter check() {
  StunWriter writer(StunClass::kRequest, TransactionId{9});
  writer.username("ours:them").priority(1);
  return writer;
}

// The code of the answer; 0: success, -1: none.
int ask(IceLite& ice, const std::vector<uint8_t>& request, uint16_t port = 1000,
        Nanoseconds now = 1s) {
  const auto message = parse_stun(request);
  REQUIRE(message);
  const auto answer = ice.answer(*message, path(port), now);
  if (!answer) return -1;
  const auto parsed = parse_stun(*answer);
  REQUIRE(parsed);
  CHECK(parsed->transaction == message->transaction);
  return parsed->error.value_or(0);
}

}  // namespace

TEST_CASE("credentials are made and judged") {
  const auto one = IceCredentials::make(), two = IceCredentials::make();
  CHECK(are_valid(one));
  CHECK(one.ufrag != two.ufrag);
  CHECK(one.password != two.password);
  CHECK_FALSE(are_valid({"abc", kOurs.password}));
  CHECK_FALSE(are_valid({"abcd", "short"}));
  CHECK_FALSE(are_valid({"ab d", kOurs.password}));
}

TEST_CASE("only authenticated checks change anything") {
  IceLite ice(kOurs, kTheirs, 0s);
  CHECK(ask(ice, StunWriter(StunClass::kRequest, {}).finish({})) == 400);
  CHECK(ask(ice, check().finish({})) == 400);
  CHECK(ask(ice, check().finish("wrong")) == 401);
  auto stranger = StunWriter(StunClass::kRequest, {}).username("ours:other").priority(1);
  CHECK(ask(ice, stranger.finish(kOurs.password)) == 401);
  CHECK(ask(ice, check().attribute(0x7fff, {}).finish(kOurs.password)) == 420);
  CHECK(ask(ice, check().controlled(3).finish(kOurs.password)) == 487);
  CHECK(ask(ice, StunWriter(StunClass::kSuccess, {}).finish({})) == -1);
  CHECK(ask(ice, StunWriter(StunClass::kRequest, {}, 3).finish({})) == -1);
  CHECK_FALSE(ice.chosen());
  CHECK_FALSE(ice.is_checked(path(1000)));
  CHECK(ice.last_heard() == 0s);
}

TEST_CASE("the last nominated pair is chosen, before that the last checked") {
  IceLite ice(kOurs, kTheirs, 0s);
  CHECK(ask(ice, check().finish(kOurs.password), 1) == 0);
  CHECK(ice.chosen()->remote.port() == 1);
  CHECK(ask(ice, check().finish(kOurs.password), 2) == 0);
  CHECK(ice.chosen()->remote.port() == 2);
  CHECK_FALSE(ice.nominated());
  CHECK(ask(ice, check().use_candidate().finish(kOurs.password), 1) == 0);
  CHECK(ice.nominated());
  CHECK(ask(ice, check().finish(kOurs.password), 2) == 0);
  CHECK(ice.chosen()->remote.port() == 1);
  CHECK(ask(ice, check().use_candidate().finish(kOurs.password), 3) == 0);
  CHECK(ice.chosen()->remote.port() == 3);
}

TEST_CASE("addresses are bounded and the chosen one stays") {
  IceLite ice(kOurs, kTheirs, 0s);
  ask(ice, check().use_candidate().finish(kOurs.password), 1, 1s);
  for (uint16_t port = 2; port < 100; ++port)
    ask(ice, check().finish(kOurs.password), port, 2s + 1ms * port);
  CHECK(ice.checked().size() == kMaxPaths);
  CHECK(ice.is_checked(path(1)));
  CHECK(ice.is_checked(path(99)));
  CHECK_FALSE(ice.is_checked(path(2)));
}

TEST_CASE("consent ends 30 s after the last check") {
  IceLite ice(kOurs, kTheirs, 0s);
  CHECK_FALSE(ice.has_expired(29s));
  CHECK(ice.has_expired(30s));
  ask(ice, check().finish(kOurs.password), 1, 20s);
  CHECK_FALSE(ice.has_expired(49s));
  ask(ice, check().finish("wrong"), 1, 45s);
  CHECK(ice.has_expired(50s));
}

TEST_CASE("a restart takes over when the new credentials nominate") {
  IceLite ice(kOurs, kTheirs, 0s);
  ask(ice, check().use_candidate().finish(kOurs.password), 1);
  const IceCredentials next{"next", "9876543210987654321098"};
  ice.restart(next, {"thex", kTheirs.password});
  CHECK(ice.local() == next);
  CHECK(ice.ufrags() == std::vector<std::string>{"ours", "next"});
  CHECK(ask(ice, check().finish(kOurs.password), 1) == 0);  // still good
  auto anew = StunWriter(StunClass::kRequest, {}).username("next:thex").priority(1).use_candidate();
  CHECK(ask(ice, anew.finish(next.password), 7) == 0);
  CHECK(ice.chosen()->remote.port() == 7);
  CHECK(ask(ice, check().finish(kOurs.password), 1) == 401);
  CHECK(ice.ufrags() == std::vector<std::string>{"next"});
}
