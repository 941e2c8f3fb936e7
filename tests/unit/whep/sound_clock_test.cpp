#include "whep/sound_clock.h"

#include <doctest/doctest.h>

using stream::whep::SoundClock;

TEST_CASE("the steps of sound are those of its samples, the wobble of the source is in the shift") {
  SoundClock clock;
  uint32_t at = 0xfffff000, next = at;  // wraps
  // Drawn by 20 ms in a second for five seconds, and back.
  for (const int draw : {19, -19})
    for (int i = 0; i < 250; ++i) {
      CHECK(clock.stamp(at, 960) == next);
      CHECK(at + clock.shift() == next);
      at += static_cast<uint32_t>(960 + draw);
      next += 960;
    }
}

TEST_CASE("times that are rounded to milliseconds") {
  SoundClock clock;
  for (uint32_t i = 0; i < 500; ++i) {
    const uint32_t exact = 1024 * i;
    CHECK(clock.stamp(exact / 48 * 48, 1024) == exact);
  }
}

TEST_CASE("a hole stays a hole, and a jump is followed") {
  SoundClock clock;
  CHECK(clock.stamp(1000, 960) == 1000);
  CHECK(clock.stamp(1970, 960) == 1960);
  CHECK(clock.stamp(1970 + 3 * 960, 960) == 1960 + 3 * 960);  // two are missing
  CHECK(clock.stamp(1970 + 4 * 960, 960) == 1960 + 4 * 960);
  SUBCASE("a small step back: nothing is said twice") {
    CHECK(clock.stamp(1970 + 4 * 960, 960) == 1960 + 5 * 960);
    CHECK(clock.shift() == 950);
  }
  SUBCASE("a large one, and forward") {
    for (const uint32_t jump : {100'000'000u, 1u}) {
      CHECK(clock.stamp(jump, 960) == jump);
      CHECK(clock.shift() == 0);
      CHECK(clock.stamp(jump + 960, 960) == jump + 960);
    }
  }
  SUBCASE("of unknown length: as the source has it") {
    CHECK(clock.stamp(1970 + 5 * 960, 0) == 1960 + 5 * 960);
    CHECK(clock.stamp(1970 + 6 * 960, 960) == 1960 + 6 * 960);
  }
}
