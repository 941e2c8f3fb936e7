// Who makes room on a full uplink, and when it is given back.
#include "forward/uplink.h"

#include <doctest/doctest.h>

#include <algorithm>

using namespace stream;
using namespace stream::media;
using namespace std::chrono_literals;

namespace {

constexpr int64_t kMega = 1'000'000;
constexpr auto kFull = UplinkShare::kFull, kThin = UplinkShare::kThin, kHeld = UplinkShare::kHeld;
using Shares = std::map<std::string, UplinkShare>;

std::vector<Uplink::User> three(int64_t bps = 5 * kMega) {
  return {{"a", 5, 1, bps, kMega / 2, 0s},
          {"b", 9, 2, bps, kMega / 2, 0s},
          {"c", 2, 3, bps, kMega / 2, 0s}};
}

struct Sharing {
  Uplink uplink;
  Nanoseconds now = 1000s;
  explicit Sharing(int64_t limit) : uplink(limit) {}
  Shares pass(Nanoseconds time, const std::vector<Uplink::User>& users) {
    Shares shares;
    for (const auto end = now + time; now < end; now += 1s) shares = uplink.judge(users, now);
    return shares;
  }
};

}  // namespace

TEST_CASE("Uplink by plan") {
  SUBCASE("room for all") {
    Sharing world(15 * kMega);
    CHECK(world.pass(1s, three()) == Shares{{"a", kFull}, {"b", kFull}, {"c", kFull}});
    CHECK_FALSE(world.uplink.full());
  }
  SUBCASE("3 x 5 through 12: the least important is thinned, at once") {
    Sharing world(12 * kMega);
    CHECK(world.pass(1s, three()) == Shares{{"a", kFull}, {"b", kFull}, {"c", kThin}});
    CHECK(world.uplink.full());
    CHECK(world.uplink.wanted_bps() == 15 * kMega);
  }
  SUBCASE("all are thinned before one is held; the most important never") {
    CHECK(Sharing(7 * kMega).pass(1s, three()) == Shares{{"a", kThin}, {"b", kFull}, {"c", kThin}});
    CHECK(Sharing(5'800'000).pass(1s, three()) == Shares{{"a", kThin}, {"b", kFull}, {"c", kHeld}});
    CHECK(Sharing(kMega).pass(1s, three()) == Shares{{"a", kHeld}, {"b", kFull}, {"c", kHeld}});
  }
  SUBCASE("among equals the one added last") {
    auto users = three();
    for (auto& user : users) user.priority = 5;
    users[0].order = 7;
    CHECK(Sharing(12 * kMega).pass(1s, users) == Shares{{"a", kThin}, {"b", kFull}, {"c", kFull}});
  }
  SUBCASE("given back after 10 s with room to spare") {
    Sharing world(12 * kMega);
    world.pass(1s, three());
    CHECK(world.pass(60s, three(3'900'000))["c"] == kThin);  // fits, but barely
    CHECK(world.pass(10s, three(3'500'000))["c"] == kThin);
    CHECK(world.pass(2s, three(3'500'000))["c"] == kFull);
    CHECK_FALSE(world.uplink.full());
  }
  SUBCASE("when another leaves, at once") {
    Sharing world(12 * kMega);
    world.pass(1s, three());
    auto users = three();
    users.erase(users.begin());
    CHECK(world.pass(1s, users) == Shares{{"b", kFull}, {"c", kFull}});
  }
  SUBCASE("one alone that is too much is told, and left alone") {
    Sharing world(kMega);
    CHECK(world.pass(1s, {three()[0]}) == Shares{{"a", kFull}});
    CHECK(world.uplink.full());
    CHECK(world.pass(1s, {}).empty());
    CHECK_FALSE(world.uplink.full());
  }
}

TEST_CASE("Uplink by observation") {
  Sharing world(0);
  const auto late = [](std::vector<std::string> names) {
    auto users = three();
    for (auto& user : users)
      if (std::find(names.begin(), names.end(), user.name) != names.end()) user.behind = 2100ms;
    return users;
  };
  CHECK(world.pass(30s, three())["c"] == kFull);
  SUBCASE("one that is late is slow on its own") {
    CHECK(world.pass(60s, late({"c"}))["c"] == kFull);
  }
  SUBCASE("several share what is narrow: the least important of them, and then the next") {
    CHECK(world.pass(1s, late({"a", "b"})) == Shares{{"a", kThin}, {"b", kFull}, {"c", kFull}});
    CHECK(world.pass(7s, late({"a", "b"}))["a"] == kThin);
    CHECK(world.pass(1s, late({"a", "b"}))["a"] == kHeld);
    CHECK(world.pass(60s, late({"b"}))["b"] == kFull);
  }
  SUBCASE("one that shares it makes room, though it is not as late yet") {
    auto users = late({"a", "b"});
    users[2].behind = 1100ms;
    CHECK(world.pass(1s, users)["c"] == kThin);
  }
  SUBCASE("given back after a minute, one at a time; longer when that was wrong") {
    world.pass(1s, late({"a", "b", "c"}));
    CHECK(world.pass(8s, late({"a", "b"}))["a"] == kThin);
    CHECK(world.pass(58s, three()) == Shares{{"a", kThin}, {"b", kFull}, {"c", kThin}});
    CHECK(world.pass(3s, three()) == Shares{{"a", kFull}, {"b", kFull}, {"c", kThin}});
    CHECK(world.pass(1s, late({"a", "b"}))["a"] == kThin);
    CHECK(world.pass(118s, three())["a"] == kThin);
    CHECK(world.pass(4s, three())["a"] == kFull);
    CHECK(world.pass(58s, three())["c"] == kThin);
    CHECK(world.pass(64s, three())["c"] == kFull);
    CHECK_FALSE(world.uplink.full());
  }
  SUBCASE("what left is forgotten") {
    world.pass(1s, late({"a", "c"}));
    world.pass(1s, {three()[0]});
    CHECK(world.pass(1s, three())["c"] == kFull);
  }
}
