#include "whep/line.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace stream;
using whep::Line;
using whep::RateMeter;

TEST_CASE("rungs share a line: one that comes back does not move it, all of them do") {
  Line line(100s, 1000, 2000, true);
  CHECK(line.place(50s, false, 101s) == 1s);
  CHECK(line.place(52s, false, 110s) == 3s);  // another rung, later: the same times
  CHECK(line.video(1s) == 1000 + 90000);
  CHECK(line.clock(true, 101s) == 1000 + 90000);
  CHECK(line.sound(1s, 960) == 2000 + 48000);
  // The ladder was restarted: the first that is back tells, the next goes along.
  CHECK(line.place(0s, true, 160s) == 60s);
  CHECK(line.place(100ms, true, 161s) == 60s + 100ms);
}

TEST_CASE("a line that is not shared begins anew each time") {
  Line line(100s, 0, 0, false);
  CHECK(line.place(50s, false, 101s) == 1s);
  CHECK(line.place(0s, true, 102s) == 2s);
}

TEST_CASE("the rate is that of the last seconds") {
  RateMeter meter;
  CHECK(meter.bps() == 0);
  for (int i = 0; i < 250; ++i) meter.add(i * 40ms, 5000);
  CHECK(meter.bps() == doctest::Approx(1'000'000).epsilon(0.02));
  meter.add(0s, 1000);  // other times
  CHECK(meter.bps() == 8000);
  meter.clear();
  CHECK(meter.bps() == 0);
}
