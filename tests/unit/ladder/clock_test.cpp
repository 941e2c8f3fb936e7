// The pure parts that decide when: segment grid, picture clock, load shedding.
#include <doctest/doctest.h>

#include <vector>

#include "ladder/grid.h"
#include "ladder/picture_clock.h"
#include "ladder/shed.h"

using namespace stream;
using namespace stream::media;

TEST_CASE("Grid") {
  SUBCASE("cuts by time") {
    const Grid grid(6000, 180000, Grid::Leader::kClock);
    CHECK(grid.index(0) == 0);
    CHECK(grid.index(6000) == 0);
    CHECK(grid.index(185999) == 0);
    CHECK(grid.index(186000) == 1);
    CHECK(grid.known(1 << 30));
  }
  SUBCASE("cuts where keyframes are, when the segment is long enough") {
    Grid grid(0, 180000, Grid::Leader::kKeyframes);
    CHECK_FALSE(grid.keyframe(0));
    CHECK_FALSE(grid.keyframe(90000));
    CHECK(grid.keyframe(180180));
    CHECK_FALSE(grid.keyframe(270270));
    CHECK(grid.keyframe(360360));
    CHECK(grid.index(180179) == 0);
    CHECK(grid.index(180180) == 1);
    CHECK(grid.index(500000) == 2);
    CHECK_FALSE(grid.known(360361));
    grid.passed(400000);
    CHECK(grid.known(399999));
  }
}

namespace {

GridPtr two_seconds() {
  return std::make_shared<Grid>(0, 180000, Grid::Leader::kPicture);
}

std::vector<int64_t> run(PictureClock& clock, const std::vector<int64_t>& input) {
  std::vector<int64_t> out;
  for (const int64_t pts : input) {
    for (const int64_t again : clock.repeats(pts)) {
      clock.took(again);
      out.push_back(again);
    }
    if (!clock.wants(pts)) continue;
    clock.took(pts);
    out.push_back(pts);
  }
  return out;
}

std::vector<int64_t> regular(int count, int64_t step, int64_t start = 0) {
  std::vector<int64_t> times;
  for (int i = 0; i < count; i++) times.push_back(start + i * step);
  return times;
}

}  // namespace

TEST_CASE("PictureClock") {
  PictureClock clock;
  SUBCASE("a regular source passes as it is") {
    clock.start(two_seconds(), {30, 1}, false);
    CHECK(run(clock, regular(200, 3000)) == regular(200, 3000));
  }
  SUBCASE("times that do not increase are dropped") {
    clock.start(two_seconds(), {30, 1}, false);
    CHECK(run(clock, {0, 3000, 3000, 1500, 6000}) == std::vector<int64_t>{0, 3000, 6000});
    CHECK(clock.left_out() == 2);
  }
  SUBCASE("120 pictures per second become 60") {
    clock.start(two_seconds(), {120, 1}, true);
    CHECK(run(clock, regular(480, 750)) == regular(240, 1500));
  }
  SUBCASE("a picture that stands still begins every segment") {
    clock.start(two_seconds(), {30, 1}, false);
    const auto out = run(clock, {0, 3000, 6000, 500000});
    // 180000 and 360000 begin segments; two pictures before each keep decoding times honest.
    CHECK(out == std::vector<int64_t>{0, 3000, 6000, 174000, 177000, 180000, 354000, 357000, 360000,
                                      500000});
  }
  SUBCASE("a source of few pictures is not taken for one that stands still") {
    clock.start(two_seconds(), {2, 1}, false);
    CHECK(run(clock, regular(20, 45000)) == regular(20, 45000));
  }
  SUBCASE("a picture that comes late is shown from the beginning") {
    clock.start(two_seconds(), {30, 1}, false);
    const auto out = run(clock, {100000});
    CHECK(out.front() == 0);
    CHECK(out.back() == 100000);
  }
  SUBCASE("every second one on demand, but never one that a segment needs") {
    clock.start(two_seconds(), {30, 1}, false);
    clock.halve(true);
    const auto out = run(clock, regular(121, 3000));
    CHECK(out.size() < 68);
    for (const int64_t needed : {0, 174000, 177000, 180000, 360000})
      CHECK(std::find(out.begin(), out.end(), needed) != out.end());
  }
}

namespace {

// Ten looks a second while `backlog` grows by `growth` per second; the first change and its time.
struct Load {
  Shedder shedder{4};
  double now = 0, backlog = 0, idle = 0, position = 0;
  Shedder::Change step(double growth, double spare) {
    now += 0.1;
    backlog = std::max(0.0, backlog + 0.1 * growth);
    idle += 0.1 * spare;
    position += 0.1 * (1 - growth);
    const auto ns = [](double s) { return Nanoseconds(static_cast<int64_t>(s * 1e9)); };
    return shedder.look({ns(now), ns(backlog), ns(idle), ns(position), true});
  }
};

}  // namespace

TEST_CASE("Shedder") {
  Load load;
  SUBCASE("keeping up sheds nothing") {
    for (int i = 0; i < 1000; i++) CHECK(load.step(0, 0.1) == Shedder::Change::kNone);
  }
  SUBCASE("half speed is seen within 5 s and told as such") {
    while (load.step(0.5, 0) == Shedder::Change::kNone) REQUIRE(load.now < 5);
    CHECK(load.shedder.half_rate());
    CHECK(load.shedder.paused() == 0);
    CHECK(load.shedder.speed() == doctest::Approx(0.5).epsilon(0.05));
  }
  SUBCASE("a burst of the network is not load") {
    for (int i = 0; i < 50; i++) load.step(0, 0.5);
    load.backlog = 1.5;
    for (int i = 0; i < 30; i++) CHECK(load.step(-1.5, 0.5) == Shedder::Change::kNone);
  }
  SUBCASE("steps go on to the last rung but not beyond") {
    for (int i = 0; i < 600; i++) load.step(0.5, 0);
    CHECK(load.shedder.step() == 4);
    CHECK(load.shedder.paused() == 3);
  }
  SUBCASE("a backlog that shrinks needs no further step") {
    while (load.step(0.5, 0) == Shedder::Change::kNone) {
    }
    for (int i = 0; i < 40; i++) CHECK(load.step(-0.3, 0) == Shedder::Change::kNone);
    CHECK(load.shedder.step() == 1);
  }
  SUBCASE("time to spare takes a step back, later each time") {
    while (load.step(0.5, 0) == Shedder::Change::kNone) {
    }
    load.backlog = 0;
    double from = load.now;
    while (load.step(0, 0.7) != Shedder::Change::kLess) REQUIRE(load.now < from + 60);
    CHECK(load.now - from >= 18);
    CHECK(load.shedder.step() == 0);
    while (load.step(0.5, 0) == Shedder::Change::kNone) {
    }
    load.backlog = 0;
    from = load.now;
    while (load.step(0, 0.7) != Shedder::Change::kLess) REQUIRE(load.now < from + 90);
    CHECK(load.now - from >= 38);
  }
  SUBCASE("media that waits for its reader is never shed") {
    Shedder shedder(4);
    for (int i = 1; i < 300; i++)
      CHECK(shedder.look(
                {i * std::chrono::milliseconds(100), std::chrono::seconds(3), {}, {}, false}) ==
            Shedder::Change::kNone);
  }
}
