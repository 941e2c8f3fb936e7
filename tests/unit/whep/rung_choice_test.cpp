#include "whep/rung_choice.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace stream;
using whep::RungChoice;

namespace {

// A viewer behind a network of `bps`, on a clock of its own, looked at each 200 ms. Its player's
// estimate grows no further than half above what it gets, as Chromium's does; what does not fit is
// lost. A move takes a second, as it waits for a key frame.
struct Network {
  std::vector<RungChoice::Rung> rungs{{300'000}, {800'000}, {2'000'000}, {5'000'000}};
  RungChoice choice;
  Nanoseconds now{1s};
  size_t current = 0;
  double bps = 10e6, estimate = 0;
  bool tells = true;  // estimates
  int moves = 0;
  std::string reason;

  void step() {
    now += 200ms;
    const auto sent = static_cast<double>(rungs[current].bps);
    const bool full = sent > bps;
    RungChoice::Seen seen{now, {}, {}};
    if (now % 1s == 0s) {
      seen.loss = full ? (sent - bps) / sent : 0;
      estimate = full ? 0.85 * bps : std::min(std::max(estimate, sent) * 1.08, 1.5 * sent);
    }
    if (tells && estimate > 0) seen.estimate = static_cast<uint64_t>(estimate);
    const auto wish = choice.look(rungs, current, seen);
    if (!wish) return;
    now += 1s;
    choice.moved(now, current, wish->rung);
    current = wish->rung;
    reason = wish->reason;
    ++moves;
  }
  void run(Nanoseconds time) {
    for (const Nanoseconds end = now + time; now < end;) step();
  }
};

}  // namespace

TEST_CASE("a viewer begins with what two Mbit/s carry") {
  CHECK(RungChoice::first({{300'000}, {1'900'000}, {5'000'000}}) == 1);
  CHECK(RungChoice::first({{3'000'000}, {5'000'000}}) == 0);
  CHECK(RungChoice::first({{300'000}, {800'000}}) == 1);
  CHECK(RungChoice::first({{300'000}, {800'000, false}}) == 0);
  CHECK(RungChoice::first({{300'000, false}, {800'000, false}}) == 0);
}

TEST_CASE("with room it climbs to the top and stays there") {
  Network n;
  SUBCASE("the player tells") {}
  SUBCASE("it tells nothing but losses") {
    n.tells = false;
  }
  n.run(40s);
  CHECK(n.current == 3);
  CHECK(n.moves == 3);
  n.run(600s);
  CHECK(n.moves == 3);
}

TEST_CASE("a network that narrows: down within two seconds, up again when it widens") {
  Network n;
  n.run(40s);
  n.bps = 1e6;
  SUBCASE("by the estimate to what fits, at once") {
    n.run(3s);
    CHECK(n.current == 1);
    CHECK(n.moves == 4);
  }
  SUBCASE("by losses one after the other") {
    n.tells = false;
    n.run(8s);
    CHECK(n.current == 1);
    CHECK(n.reason == "packets get lost");
  }
  n.bps = 10e6;
  n.run(60s);
  CHECK(n.current == 3);
}

TEST_CASE("a rung that does not fit is tried less and less often") {
  Network n;
  n.bps = 1.5e6;
  n.run(60s);
  const int at_first = n.moves;
  n.run(600s);
  CHECK(n.moves - at_first <= 12);
  const int later = n.moves;
  n.run(600s);
  CHECK(n.moves - later <= 6);
  CHECK(n.moves - later >= 2);
  CHECK((n.current == 1 || n.current == 2));
}

TEST_CASE("an estimate that grows behind what is sent is no sign, one that falls is") {
  RungChoice choice;
  const std::vector<RungChoice::Rung> rungs{{300'000}, {2'000'000}};
  Nanoseconds now = 10s;
  for (uint64_t estimate = 400'000; estimate < 1'500'000; estimate += 40'000, now += 200ms)
    CHECK_FALSE(choice.look(rungs, 1, {now, {}, estimate}));
  CHECK(choice.look(rungs, 1, {now, {}, 900'000})->rung == 0);
}

TEST_CASE("some loss keeps it where it is, much moves it down") {
  RungChoice choice;
  const std::vector<RungChoice::Rung> rungs{{300'000}, {2'000'000}, {5'000'000}};
  Nanoseconds now = 10s;
  for (int i = 0; i < 300; ++i, now += 1s) CHECK_FALSE(choice.look(rungs, 1, {now, 0.05, {}}));
  CHECK(choice.look(rungs, 1, {now, 0.15, {}})->rung == 0);
  SUBCASE("but not from the smallest") {
    CHECK_FALSE(choice.look(rungs, 0, {now, 0.5, {}}));
  }
  SUBCASE("and not by what was lost on the rung before") {
    choice.moved(now, 2, 1);
    CHECK_FALSE(choice.look(rungs, 1, {now + 1s, 0.5, {}}));
    CHECK(choice.look(rungs, 1, {now + 2s, 0.5, {}})->rung == 0);
  }
}

TEST_CASE("a rung that gives no pictures is left, and passed over") {
  RungChoice choice;
  CHECK(choice.look({{1}, {2}, {3, false}}, 2, {10s, {}, {}})->rung == 1);
  CHECK(choice.look({{1, false}, {2, false}, {3}}, 1, {10s, {}, {}})->rung == 2);
  CHECK_FALSE(choice.look({{1, false}, {2, false}}, 1, {10s, {}, {}}));
  choice.moved(10s, 2, 0);
  CHECK(choice.look({{1}, {2, false}, {3}}, 0, {30s, {}, {}})->rung == 2);
}

TEST_CASE("a rung that gave no key frame is tried later") {
  RungChoice choice;
  const std::vector<RungChoice::Rung> rungs{{300'000}, {2'000'000}};
  CHECK_FALSE(choice.look(rungs, 0, {10s, {}, {}}));
  CHECK(choice.look(rungs, 0, {20s, {}, {}})->rung == 1);
  choice.missed(21s, 1);
  CHECK_FALSE(choice.look(rungs, 0, {30s, {}, {}}));
  CHECK(choice.look(rungs, 0, {40s, {}, {}})->rung == 1);
}
