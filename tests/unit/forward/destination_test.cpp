// A destination's life against a scripted link and a clock of its own.
#include <doctest/doctest.h>

#include <algorithm>

#include "unit/forward/world.h"

using namespace stream;
using namespace stream::media;
using namespace std::chrono_literals;

TEST_CASE("ForwardDestination earns its states") {
  World world;
  world.destination->start(world.now);
  CHECK(world.state() == ForwardState::kResolving);
  world.pass(300ms);
  SUBCASE("live takes a start, a keyframe and acknowledged bytes") {
    world.publish();
    CHECK(world.state() == ForwardState::kPublishing);
    world.link().state.acknowledged_bytes = 0;
    world.pass(200ms);
    CHECK(world.state() == ForwardState::kLive);
    const auto& taken = world.link().taken;
    REQUIRE(taken.size() > 3);
    CHECK(taken[0]->opening);
    CHECK(taken[3]->entry);
  }
  SUBCASE("a start alone is not live") {
    world.publish();
    world.link().blocked = true;
    world.destination->cut(world.now);
    world.destination->start(world.now);
    world.publish();
    world.link().blocked = true;
    world.link().state = {100, 100, 0, 100, 0, 0};
    world.pass(9900ms);
    CHECK(world.state() != ForwardState::kLive);
  }
  SUBCASE("no handshake within 5 s") {
    world.link().host.link_phase(ForwardState::kConnecting);
    world.link().host.link_phase(ForwardState::kHandshaking);
    world.pass(4800ms);
    CHECK(world.state() == ForwardState::kHandshaking);
    world.pass(300ms);
    CHECK(world.state() == ForwardState::kBackoff);
    CHECK(world.destination->status(world.now).last_error ==
          "no answer to the handshake within 5 s");
  }
  SUBCASE("no answer to publish within 10 s") {
    world.link().host.link_phase(ForwardState::kPublishing);
    world.pass(10'100ms);
    CHECK(world.state() == ForwardState::kBackoff);
  }
}

TEST_CASE("ForwardDestination notices what stands still") {
  World world;
  world.go_live();
  SUBCASE("a socket that takes nothing: stalled after 5 s, left after 15 s") {
    world.link().blocked = true;
    world.link().state.pending_bytes = 5;
    world.pass(5600ms);
    CHECK(world.state() == ForwardState::kStalled);
    world.pass(10s);
    CHECK(world.state() != ForwardState::kStalled);
    CHECK(world.destination->status(world.now).last_error == "nothing was taken for 15 s");
  }
  SUBCASE("a relay that takes all while the peer says nothing any more") {
    for (int i = 0; i < 30; ++i) {
      world.link().state.application_bytes = world.link().state.sent_bytes;
      world.pass(100ms);
    }
    CHECK(world.state() == ForwardState::kLive);
    world.pass(5500ms);
    CHECK(world.state() == ForwardState::kStalled);
  }
  SUBCASE("no input") {
    world.pass(5500ms, false);
    CHECK(world.state() == ForwardState::kStalled);
    world.pass(60s, false);
    CHECK(world.links.size() == 1);
    world.pass(200ms);
    CHECK(world.state() == ForwardState::kLive);
  }
  SUBCASE("slow: degraded while media is dropped, and bounded") {
    for (int i = 0; i < 300; ++i) {
      world.link().blocked = true;
      world.link().state.acknowledged_bytes += 1;
      world.link().state.pending_bytes = 5;
      world.pass(100ms);
    }
    CHECK(world.state() == ForwardState::kDegraded);
    CHECK(world.destination->status(world.now).dropped_video > 0);
    CHECK(world.destination->status(world.now).queue_seconds <= 10);
    world.link().blocked = false;
    world.link().state.pending_bytes = 0;
    world.pass(12s);
    CHECK(world.state() == ForwardState::kLive);
  }
}

TEST_CASE("ForwardDestination tries again") {
  SUBCASE("after a cut: from the newest keyframe with the opening first") {
    World world;
    world.go_live();
    world.fail(LinkFailure::Kind::kNetwork);
    CHECK(world.state() == ForwardState::kBackoff);
    world.pass(1100ms);
    REQUIRE(world.links.size() == 2);
    world.publish();
    world.pass(200ms);
    CHECK(world.state() == ForwardState::kLive);
    CHECK(world.link().taken[0]->opening);
    CHECK(world.link().taken[3]->entry);
    CHECK(world.destination->status(world.now).reconnects == 1);
  }
  SUBCASE("waits grow, and a peer that can't be reached is looked for every 3 s") {
    World world;
    world.destination->start(world.now);
    size_t loud = 0;
    for (int i = 0; i < 1200; ++i) {
      if (world.state() != ForwardState::kBackoff) {
        ++loud;
        world.fail(LinkFailure::Kind::kUnreachable);
      } else if (!world.links.empty() && world.links.back().use_count() > 1) {
        world.fail(LinkFailure::Kind::kUnreachable);  // a probe
      }
      world.pass(100ms);
    }
    CHECK(loud < 25);
    CHECK(world.links.size() > 25);
    const size_t before = world.links.size();
    while (world.links.size() == before) world.pass(100ms);  // at most 3 s
    world.publish();
    world.pass(200ms);
    CHECK(world.state() == ForwardState::kLive);
  }
  SUBCASE("a peer that was there all the time is not rejoined before the wait is over") {
    World world;
    world.destination->start(world.now);
    for (int i = 0; i < 3000; ++i) {
      if (world.state() == ForwardState::kResolving) {
        world.fail(LinkFailure::Kind::kNetwork);
      } else if (world.state() == ForwardState::kBackoff && world.links.back().use_count() > 1) {
        CHECK_FALSE(world.link().host.link_phase(ForwardState::kHandshaking));
      }
      world.pass(100ms);
    }
  }
  SUBCASE("a peer that went away after a cut is rejoined when it is there again") {
    ForwardPolicy policy;
    policy.first_wait = 60s;
    World world(policy);
    world.go_live();
    world.fail(LinkFailure::Kind::kNetwork);
    REQUIRE(world.destination->status(world.now).retry_at > world.now + 3s);
    world.pass(500ms);
    REQUIRE(world.links.size() == 2);
    world.fail(LinkFailure::Kind::kUnreachable);
    CHECK(world.state() == ForwardState::kBackoff);
    world.pass(3s);
    REQUIRE(world.links.size() == 3);
    world.publish();
    world.pass(200ms);
    CHECK(world.state() == ForwardState::kLive);
  }
  SUBCASE("S07: down for 10 min and up again, 20 times: live within 5 s, and never given up") {
    World world;
    world.go_live();
    for (int round = 0; round < 20; ++round) {
      world.fail(LinkFailure::Kind::kNetwork);
      for (const auto up = world.now + 10min; world.now < up; world.pass(100ms)) {
        if (world.links.back().use_count() > 1) world.fail(LinkFailure::Kind::kUnreachable);
      }
      const auto up = world.now;
      while (world.links.back().use_count() == 1) world.pass(100ms);
      world.publish();
      world.pass(300ms);
      CHECK(world.state() == ForwardState::kLive);
      CHECK(world.now - up <= 5s);
    }
  }
  SUBCASE("a peer that answers and fails is not looked for") {
    World world;
    world.destination->start(world.now);
    for (int i = 0; i < 6000; ++i) {
      if (world.state() != ForwardState::kBackoff) world.fail(LinkFailure::Kind::kProtocol);
      world.pass(100ms);
    }
    CHECK(world.links.size() < 60);
  }
  SUBCASE("not for ever, when so asked") {
    ForwardPolicy policy;
    policy.retry_max = 3;
    World world(policy);
    world.destination->start(world.now);
    for (int i = 0; i < 600; ++i) {
      if (world.state() == ForwardState::kResolving) world.fail(LinkFailure::Kind::kNetwork);
      world.pass(100ms);
    }
    CHECK(world.state() == ForwardState::kGaveUp);
    CHECK(std::count(world.states.begin(), world.states.end(), ForwardState::kResolving) == 4);
    world.destination->start(world.now);
    CHECK(world.state() == ForwardState::kResolving);
  }
}

TEST_CASE("ForwardDestination is refused") {
  World world;
  SUBCASE("a wrong key: once") {
    world.destination->start(world.now);
    world.fail(LinkFailure::Kind::kRefused, true, true);
    world.pass(200s);
    CHECK(world.state() == ForwardState::kRefused);
    CHECK(world.links.size() == 1);
  }
  SUBCASE("a name in use after a sitting of ours was cut: tried for a while") {
    world.go_live();
    world.fail(LinkFailure::Kind::kNetwork);
    world.refuse_for(9min);
    CHECK(world.state() == ForwardState::kBackoff);
    CHECK(world.links.size() > 10);
    CHECK(world.links.size() < 60);
    world.refuse_for(3min);
    CHECK(world.state() == ForwardState::kRefused);
  }
  SUBCASE("a name in use when another process was live before: the same") {
    world.destination->remember_live();
    world.destination->start(world.now);
    world.refuse_for(8min);
    CHECK(world.state() == ForwardState::kBackoff);
    while (world.state() != ForwardState::kResolving) world.pass(100ms);
    world.publish();
    world.pass(300ms);
    CHECK(world.state() == ForwardState::kLive);
  }
  SUBCASE("a wrong key when another process was live before: once") {
    world.destination->remember_live();
    world.destination->start(world.now);
    world.fail(LinkFailure::Kind::kRefused, true, false);
    CHECK(world.state() == ForwardState::kRefused);
  }
  SUBCASE("somebody is said to publish there: tried for a while, also by a new one") {
    world.destination->start(world.now);
    world.refuse_for(9min, true);
    CHECK(world.state() == ForwardState::kBackoff);
    CHECK(world.links.size() > 10);
    world.refuse_for(3min, true);
    CHECK(world.state() == ForwardState::kRefused);
  }
  SUBCASE("banned in the middle: at once") {
    world.go_live();
    world.fail(LinkFailure::Kind::kRefused, true, false);
    CHECK(world.state() == ForwardState::kRefused);
  }
}

TEST_CASE("ForwardDestination ends in every state") {
  World world;
  SUBCASE("idle") {}
  SUBCASE("connecting") {
    world.destination->start(world.now);
  }
  SUBCASE("backoff") {
    world.destination->start(world.now);
    world.fail(LinkFailure::Kind::kNetwork);
  }
  SUBCASE("live") {
    world.go_live();
  }
  SUBCASE("stalled") {
    world.go_live();
    world.link().blocked = true;
    world.link().state.pending_bytes = 5;
    world.pass(6s);
  }
  world.destination->finish(world.now);
  world.destination->cut(world.now);
  CHECK(world.state() == ForwardState::kStopped);
  CHECK(world.destination->ended());
}

TEST_CASE("ForwardDestination: another feed on air, from its keyframe on") {
  World world;
  ForwardFeed other;
  other.set_tracks(tracks());
  const auto offer_other = [&](int64_t ms, bool key) {
    for (const auto& m : other.push(packet(0, ms, key), 0s))
      world.destination->offer(m, world.now, &other);
    world.destination->send();
  };
  world.go_live();
  world.destination->use(other);
  CHECK_FALSE(world.destination->switched());
  const size_t before = world.link().taken.size();
  offer_other(0, false);
  CHECK(world.link().taken.size() == before);
  world.pass(500ms);  // the present one goes on up to its next keyframe, at 1000
  CHECK(world.link().taken.size() > before);
  world.pass(2s);
  CHECK(world.link().taken.back()->milliseconds == 900);
  offer_other(1000, true);
  offer_other(1100, false);
  CHECK(world.destination->switched());
  const auto& taken = world.link().taken;
  // Metadata, two configurations, the keyframe, the picture behind it.
  CHECK(taken.back()->milliseconds == 1100);
  CHECK(taken[taken.size() - 2]->entry);
  CHECK(taken[taken.size() - 3]->opening);
  CHECK(taken[taken.size() - 3]->milliseconds == 1000);
  world.pass(1s);  // the other one is not listened to any more
  CHECK(taken.back()->milliseconds == 1100);
}

TEST_CASE("ForwardDestination makes room on the uplink") {
  World world;
  world.go_live();
  const auto& taken = world.link().taken;
  SUBCASE(
      "thinned: keyframes and configuration, in the same sitting; then all from a keyframe on") {
    world.destination->thin(true);
    const size_t before = taken.size();
    world.pass(3s);
    CHECK(taken.size() == before + 3);
    CHECK(std::all_of(taken.begin() + static_cast<ptrdiff_t>(before), taken.end(),
                      [](const MessagePtr& m) { return m->entry; }));
    CHECK(world.state() == ForwardState::kDegraded);
    CHECK(world.destination->status(world.now).thinned_video == 27);
    CHECK(world.destination->status(world.now).dropped_video == 0);
    world.destination->thin(false);
    const size_t thin = taken.size();
    world.pass(2s);
    REQUIRE(taken.size() > thin + 10);
    CHECK(taken[thin]->entry);
    CHECK(taken[thin + 1]->milliseconds == taken[thin]->milliseconds + 100);
    CHECK(world.state() == ForwardState::kLive);
    CHECK(world.links.size() == 1);
  }
  SUBCASE("held: ended in order, not tried again by itself") {
    world.destination->hold_back("more important ones", world.now);
    CHECK(world.state() == ForwardState::kHeld);
    world.pass(100s);
    CHECK(world.links.size() == 1);
    CHECK(world.destination->status(world.now).last_error == "more important ones");
    CHECK(world.destination->status(world.now).health == "failing");
    world.destination->start(world.now);
    world.publish();
    world.pass(300ms);
    CHECK(world.state() == ForwardState::kLive);
  }
  SUBCASE("behind is what takes something and has media waiting, not what takes nothing") {
    world.pass(3s);
    CHECK(world.destination->behind() < 500ms);
    for (int i = 0; i < 40; ++i) {  // it takes every other message
      world.link().blocked = i % 2 == 0;
      world.link().quota = 1;
      world.pass(100ms);
    }
    CHECK(world.destination->behind() > 1s);
    CHECK(world.destination->behind() < 10s);
    world.link().blocked = true;
    world.link().state.acknowledged_bytes += 1;
    world.pass(4s);
    CHECK(world.destination->behind() == 0s);
  }
}

TEST_CASE("ForwardDestination: what it is sent is not as it should be") {
  World world;
  world.go_live();
  world.destination->impair("the encoder is slow");
  world.pass(600ms);
  CHECK(world.state() == ForwardState::kDegraded);
  CHECK(world.destination->status(world.now).last_error == "the encoder is slow");
  world.destination->impair("");
  world.pass(600ms);
  CHECK(world.state() == ForwardState::kLive);
}
