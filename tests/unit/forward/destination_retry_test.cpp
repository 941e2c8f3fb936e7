// When a destination is tried again after its connection broke, and whether at all.
#include <doctest/doctest.h>

#include <algorithm>

#include "unit/forward/world.h"

using namespace stream;
using namespace stream::media;
using namespace std::chrono_literals;

namespace {

struct Breaks {
  size_t most_in_an_hour = 0;
  Nanoseconds longest_dark{0};
};

// For `time` each connection is there at once and breaks a minute after the last one did, or when
// it was made.
Breaks break_each_minute(ForwardPolicy policy, Nanoseconds time) {
  World world(policy);
  world.destination->start(world.now);
  Breaks seen;
  std::vector<Nanoseconds> begun;
  Nanoseconds down = world.now, breaks = world.now + 1min;
  bool up = false;
  for (const auto end = world.now + time; world.now < end; world.pass(100ms)) {
    if (!up && world.state() == ForwardState::kResolving) {
      world.publish();
      up = true;
      begun.push_back(world.now);
      seen.longest_dark = std::max(seen.longest_dark, world.now - down);
    } else if (up && world.now >= breaks) {
      world.fail(LinkFailure::Kind::kNetwork);
      up = false;
      down = world.now;
    }
    if (world.now >= breaks) breaks += 1min;
  }
  for (const Nanoseconds from : begun)
    seen.most_in_an_hour = std::max(
        seen.most_in_an_hour,
        static_cast<size_t>(std::count_if(begun.begin(), begun.end(), [from](Nanoseconds at) {
          return at >= from && at < from + 1h;
        })));
  return seen;
}

}  // namespace

TEST_CASE("ForwardDestination: a bound on publications per hour") {
  SUBCASE("a way that breaks each minute: never dark for longer than a share of the hour") {
    ForwardPolicy policy;
    const Breaks seen = break_each_minute(policy, 2h);
    CHECK(seen.most_in_an_hour <= 30);
    CHECK(seen.most_in_an_hour >= 25);
    CHECK(seen.longest_dark <= 4min + 5s);
  }
  SUBCASE("a small and odd one") {
    ForwardPolicy policy;
    policy.sittings_per_hour = 5;
    const Breaks seen = break_each_minute(policy, 4h);
    CHECK(seen.most_in_an_hour <= 5);
    CHECK(seen.longest_dark <= 24min + 5s);
  }
  SUBCASE("none") {
    ForwardPolicy policy;
    policy.sittings_per_hour = 0;
    const Breaks seen = break_each_minute(policy, 2h);
    CHECK(seen.most_in_an_hour > 30);
    CHECK(seen.longest_dark <= 65s);
  }
  SUBCASE("the wait says why") {
    ForwardPolicy policy;
    policy.sittings_per_hour = 5;
    World world(policy);
    world.destination->start(world.now);
    for (int i = 0; i < 9000; ++i) {
      if (world.state() == ForwardState::kResolving) {
        world.publish();
        world.fail(LinkFailure::Kind::kNetwork);
      }
      world.pass(100ms);
    }
    CHECK(world.destination->status(world.now).reconnects == 2);
    CHECK(world.state() == ForwardState::kBackoff);
    CHECK(world.destination->status(world.now).last_error ==
          "reason; 3 connections within an hour");
  }
}

// The peer behind a front is away for ten minutes, 20 times; `meet` is what each connection meets
// there. How long it took to be live again at most.
template <typename Meet>
Nanoseconds come_back_behind_front(World& world, Meet meet) {
  Nanoseconds longest{0};
  world.go_live();
  for (int round = 0; round < 20; ++round) {
    world.fail(LinkFailure::Kind::kNetwork);
    size_t met = world.links.size();
    for (const auto up = world.now + 10min; world.now < up; world.pass(100ms)) {
      if (world.trying() && met < world.links.size()) {
        met = world.links.size();
        meet();
      }
    }
    CHECK(world.state() != ForwardState::kGaveUp);
    const auto up = world.now;
    while (!world.trying() || met == world.links.size()) world.pass(100ms);
    world.publish();
    world.pass(300ms);
    CHECK(world.state() == ForwardState::kLive);
    longest = std::max(longest, world.now - up);
  }
  CHECK(world.links.size() < 20 * 230);  // one in three seconds, and a few
  return longest;
}

TEST_CASE("S07: the peer behind a front that takes connections for it comes back") {
  World world;
  SUBCASE("the front closes them: live within 5 s, and never given up") {
    CHECK(come_back_behind_front(world, [&] { world.close_at_front(); }) <= 5s);
  }
  SUBCASE("the front lets them wait: within what one connection is given to answer") {
    CHECK(come_back_behind_front(world, [&] { world.reach_front(); }) <= 5500ms);
  }
  SUBCASE("a front that is away now and then") {
    int n = 0;
    CHECK(come_back_behind_front(world, [&] {
            if (++n % 3 == 0) return world.fail(LinkFailure::Kind::kUnreachable);
            world.close_at_front();
          }) <= 5s);
  }
}

TEST_CASE("ForwardDestination: who answers and then fails is not looked for as if away") {
  World world;
  world.destination->start(world.now);
  size_t answered = 0;
  for (int i = 0; i < 6000; ++i) {
    if (world.state() == ForwardState::kResolving) {
      world.reach_front();
      world.link().host.link_phase(ForwardState::kPublishing);
      ++answered;
      world.fail(LinkFailure::Kind::kNetwork);
    } else if (world.trying() && world.state() == ForwardState::kBackoff) {
      CHECK_FALSE(world.link().host.link_phase(ForwardState::kHandshaking));
    }
    world.pass(100ms);
  }
  CHECK(answered < 40);
}

TEST_CASE("ForwardDestination: media that can't be packed") {
  World world;
  SUBCASE("a message that is lost is counted and told, and the sitting goes on") {
    world.go_live();
    world.link().host.link_lost(true, "a packet could not be sent");
    world.link().host.link_lost(false, "a packet could not be sent");
    world.pass(600ms);
    CHECK(world.state() == ForwardState::kDegraded);
    const ForwardStatus status = world.destination->status(world.now);
    CHECK(status.last_error == "a packet could not be sent");
    CHECK(status.dropped_video == 1);
    CHECK(status.dropped_audio == 1);
    world.pass(10s);
    CHECK(world.state() == ForwardState::kLive);
    CHECK(world.links.size() == 1);
  }
  SUBCASE("a sitting that it ends is begun anew three times, and no more") {
    world.destination->start(world.now);
    for (int i = 0; i < 3000; ++i) {
      if (world.state() == ForwardState::kResolving) {
        world.publish();
        world.pass(300ms);
        CHECK(world.state() == ForwardState::kLive);
        world.fail(LinkFailure::Kind::kMedia);
      }
      world.pass(100ms);
    }
    CHECK(world.state() == ForwardState::kRefused);
    CHECK(world.links.size() == 4);
    CHECK(world.destination->status(world.now).last_error == "reason");
    world.destination->start(world.now);
    CHECK(world.state() == ForwardState::kResolving);
  }
  SUBCASE("sittings that lasted don't count") {
    world.destination->start(world.now);
    for (int round = 0; round < 8; ++round) {
      while (world.state() != ForwardState::kResolving) world.pass(100ms);
      world.publish();
      world.pass(2min);
      CHECK(world.state() == ForwardState::kLive);
      world.fail(LinkFailure::Kind::kMedia);
      CHECK(world.state() == ForwardState::kBackoff);
    }
  }
}

TEST_CASE("SittingBudget") {
  SUBCASE("half at once, then one each step; never more than all in any hour") {
    for (const int most : {1, 2, 3, 5, 30, 31}) {
      SittingBudget budget(most);
      std::vector<Nanoseconds> begun;
      for (Nanoseconds now = 10h; now < 16h; now += 1s) {
        if (budget.next(now) > now) continue;
        budget.spend(now);
        begun.push_back(now);
      }
      for (size_t i = 0; i + static_cast<size_t>(most) < begun.size(); ++i)
        CHECK(begun[i + static_cast<size_t>(most)] - begun[i] >= 1h);
      const Nanoseconds step = std::min<Nanoseconds>(1h, Nanoseconds(2h) / most);
      for (size_t i = 1; i < begun.size(); ++i) CHECK(begun[i] - begun[i - 1] <= step + 1s);
    }
  }
  SUBCASE("sittings that the peer asked for put off the next by a step at most") {
    SittingBudget budget(30);
    for (int i = 0; i < 100; ++i) budget.spend(10h);
    CHECK(budget.next(10h) == 10h + 4min);
    CHECK(budget.within_an_hour(10h + 1min) == 100);
    CHECK(budget.within_an_hour(11h + 1min) == 0);
  }
}
