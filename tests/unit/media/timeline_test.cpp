#include "media/timeline.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>

using namespace std::chrono_literals;
using stream::kNanosecondBase;
using stream::Nanoseconds;
using stream::media::Timeline;
using stream::media::Unwrapper;

namespace {

constexpr int kPictures = 0, kSounds = 1;

// A source of 30 pictures and 50 sounds a second in milliseconds; `clock` bends its time.
struct Source {
  Timeline timeline;
  std::map<int, std::vector<Timeline::Stamp>> out;
  int discontinuities = 0, lost = 0;

  void begin(std::vector<Timeline::Raw> preview) {
    timeline.begin({{{1, 1000}, 0}, {{1, 1000}, 0}}, preview);
  }
  void put(int track, int64_t dts, int64_t pts, std::optional<Nanoseconds> arrival) {
    const auto stamp = timeline.stamp({track, dts, pts}, arrival);
    if (!stamp) {
      ++lost;
      return;
    }
    auto& line = out[track];
    if (!line.empty()) CHECK(stamp->dts > line.back().dts);
    CHECK(stamp->pts >= stamp->dts);
    discontinuities += stamp->discontinuity;
    line.push_back(*stamp);
  }
  // True time t in ms; clock(t, track, index) is what the publisher stamps.
  template <typename Clock>
  void run(int64_t from, int64_t to, Clock clock) {
    for (int64_t t = from; t < to; ++t) {
      const Nanoseconds arrival = std::chrono::milliseconds(t);
      if (t * 3 % 100 < 3) {
        const int64_t c = clock(t, kPictures, video++);
        put(kPictures, c, c, arrival);
      }
      if (t % 20 == 0) {
        const int64_t c = clock(t, kSounds, audio++);
        put(kSounds, c, c, arrival);
      }
    }
  }
  int64_t biggest_step(int track) const {
    int64_t most = 0;
    const auto& line = out.at(track);
    for (size_t i = 1; i < line.size(); ++i) most = std::max(most, line[i].dts - line[i - 1].dts);
    return most;
  }
  int64_t apart_at_end() const { return out.at(kPictures).back().dts - out.at(kSounds).back().dts; }

  int video = 0, audio = 0;
};

}  // namespace

TEST_CASE("Unwrapper") {
  SUBCASE("32 bits go on through the wrap and back over it") {
    Unwrapper u(32);
    CHECK(u(4294960000u) == 4294960000);
    CHECK(u(4294967295u) == 4294967295);
    CHECK(u(10) == 4294967306);
    CHECK(u(4294967290u) == 4294967290);
    CHECK(u(20) == 4294967316);
  }
  SUBCASE("33 bits, a track on either side") {
    Unwrapper u(33);
    const int64_t top = int64_t{1} << 33;
    CHECK(u(top - 900) == top - 900);
    CHECK(u(100) == top + 100);
    CHECK(u(top - 10) == top - 10);
    CHECK(u(200) == top + 200);
  }
  SUBCASE("0 bits: as they are") {
    Unwrapper u(0);
    CHECK(u(static_cast<uint64_t>(-5)) == -5);
  }
}

TEST_CASE("Timeline keeps a good source as it is") {
  Source s;
  s.begin({{kPictures, 5000, 5000}, {kSounds, 5000, 5000}});
  s.run(0, 5000, [](int64_t t, int, int) { return t + 5000; });
  CHECK(s.out[kPictures].front().dts == 0);
  CHECK(s.out[kPictures].size() == 150);
  CHECK(s.out[kSounds].size() == 250);
  CHECK(s.out[kSounds].back().dts == 4980);
  CHECK(s.discontinuities == 0);
  CHECK(s.timeline.restamped() == 0);
}

TEST_CASE("Timeline holds sound and picture together from the start (I06)") {
  SUBCASE("sound 4 s later") {
    Source s;
    s.begin({{kPictures, 100, 100}});
    s.run(0, 12000, [](int64_t t, int, int) { return t + 100; });
    Source late;
    late.begin({{kPictures, 100, 100}});
    for (int64_t t = 0; t < 4000; t += 40) late.put(kPictures, t + 100, t + 100, 1ms * t);
    late.put(kSounds, 4100, 4100, 4000ms);
    CHECK(late.out[kSounds].front().dts == 4000);
    CHECK(late.discontinuities == 0);
  }
  SUBCASE("picture 2 s later, stamps from 2000") {
    Source s;
    s.begin({{kSounds, 0, 0}});
    for (int64_t t = 0; t < 2000; t += 20) s.put(kSounds, t, t, 1ms * t);
    s.run(2000, 6000, [](int64_t t, int, int) { return t; });
    CHECK(s.out[kPictures].front().dts == 2000);
    CHECK(s.discontinuities == 0);
  }
  SUBCASE("a burst of old sound keeps its own times") {
    Source s;
    s.begin({{kPictures, 0, 0}});
    for (int64_t t = 0; t < 2000; t += 40) s.put(kPictures, t, t, 1ms * t);
    for (int64_t t = 0; t < 2000; t += 20) s.put(kSounds, t, t, 2000ms);
    CHECK(s.out[kSounds].front().dts == 0);
    CHECK(s.out[kSounds].back().dts == 1980);
  }
  SUBCASE("tracks with clocks of their own start together") {
    Source s;
    s.begin({{kPictures, 0, 0}});
    s.put(kPictures, 0, 0, 0ms);
    s.put(kSounds, 3'600'000, 3'600'000, 1ms);
    CHECK(s.out[kSounds].front().dts < 100);
  }
}

TEST_CASE("Timeline bridges jumps (I11)") {
  Source s;
  s.begin({{kPictures, 0, 0}, {kSounds, 0, 0}});
  SUBCASE("all tracks 10 s back") {
    s.run(0, 20000, [](int64_t t, int, int) { return t; });
    s.run(20000, 40000, [](int64_t t, int, int) { return t - 10000; });
    CHECK(s.discontinuities == 2);  // one on each track
  }
  SUBCASE("an hour ahead for good") {
    s.run(0, 20000, [](int64_t t, int, int) { return t; });
    s.run(20000, 40000, [](int64_t t, int, int) { return t + 3'600'000; });
    CHECK(s.discontinuities == 2);
  }
  SUBCASE("one picture every 2 s 9,800 s in the past") {
    s.run(0, 40000, [](int64_t t, int track, int i) {
      return track == kPictures && i % 60 == 30 ? t - 9'800'000 : t;
    });
    CHECK(s.discontinuities == 0);
    CHECK(s.timeline.restamped() == 20);
  }
  SUBCASE("one picture every 2 s 37,600 s ahead") {
    s.run(0, 40000, [](int64_t t, int track, int i) {
      return track == kPictures && i % 60 == 30 ? t + 37'600'000 : t;
    });
    CHECK(s.discontinuities == 0);
  }
  SUBCASE("one sound every 2 s is off") {
    s.run(0, 40000, [](int64_t t, int track, int i) {
      return track == kSounds && i % 100 == 50 ? t + 37'600'000 : t;
    });
    CHECK(s.discontinuities == 0);
  }
  SUBCASE("half a second back for good") {
    s.run(0, 20000, [](int64_t t, int, int) { return t; });
    s.run(20000, 40000, [](int64_t t, int, int) { return t - 500; });
    CHECK(s.discontinuities == 2);
  }
  SUBCASE("jump upon jump") {
    s.run(0, 10000, [](int64_t t, int, int) { return t; });
    s.run(10000, 20000, [](int64_t t, int, int) { return t + 100'000; });
    s.run(20000, 30000, [](int64_t t, int, int) { return t - 7000; });
    s.run(30000, 40000, [](int64_t t, int, int) { return t + 50'000'000'000; });
    CHECK(s.discontinuities == 6);
  }
  CHECK(s.lost == 0);
  CHECK(s.out[kPictures].size() == 1200);
  CHECK(s.out[kSounds].size() == 2000);
  CHECK(s.biggest_step(kPictures) <= 68);  // no gap over one picture
  CHECK(s.biggest_step(kSounds) <= 40);
  CHECK(std::abs(s.apart_at_end() - (39966 - 39980)) <= 20);
  CHECK(std::abs(s.out[kPictures].back().dts - 39966) <= 70);
}

TEST_CASE("Timeline tells a pause from a jump") {
  Source s;
  s.begin({{kPictures, 0, 0}, {kSounds, 0, 0}});
  s.run(0, 5000, [](int64_t t, int, int) { return t; });
  SUBCASE("the publisher was silent for 3 s") {
    s.run(8000, 10000, [](int64_t t, int, int) { return t; });
    CHECK(s.discontinuities == 0);
    CHECK(s.out[kPictures].back().dts == 9967);
  }
  SUBCASE("pictures stop while sound goes on") {
    for (int64_t t = 5000; t < 20000; t += 20) s.put(kSounds, t, t, 1ms * t);
    s.run(20000, 21000, [](int64_t t, int, int) { return t; });
    CHECK(s.discontinuities == 0);
    CHECK(s.out[kPictures].back().dts > 20900);
  }
}

TEST_CASE("Timeline goes on over the wrap (R14) and from the extended range (R13)") {
  for (const uint32_t first : {4'294'960'000u, 16'777'000u}) {
    CAPTURE(first);
    Source s;
    Unwrapper unwrap(32);
    s.begin({{kPictures, first, first}});
    s.run(0, 60000, [&](int64_t t, int, int) {
      return unwrap(static_cast<uint32_t>(first + static_cast<uint32_t>(t)));
    });
    CHECK(s.discontinuities == 0);
    CHECK(s.timeline.restamped() == 0);
    CHECK(s.out[kPictures].front().dts == 0);
    CHECK(s.out[kSounds].back().dts == 59980);
    CHECK(s.biggest_step(kPictures) <= 34);
  }
}

TEST_CASE("Timeline makes PTS >= DTS") {
  Timeline t;
  SUBCASE("negative composition times seen in the preview move the decoding times only") {
    const std::vector<Timeline::Raw> frames{{0, 0, 0},    {0, 33, 133},  {0, 67, 67},
                                            {0, 100, 33}, {0, 133, 100}, {0, 167, 267}};
    t.begin({{{1, 1000}, 0}}, frames);
    int64_t last = -1;
    for (const auto& f : frames) {
      const auto stamp = t.stamp(f, std::nullopt);
      REQUIRE(stamp);
      CHECK(stamp->dts > last);
      CHECK(stamp->pts >= stamp->dts);
      CHECK(stamp->pts == f.pts + 67);
      last = stamp->dts;
    }
  }
  SUBCASE("found later: one picture is moved") {
    t.begin({{{1, 1000}, 0}}, std::vector<Timeline::Raw>{{0, 1000, 1000}});
    int64_t last = -1;
    int moved = 0;
    for (int i = 0; i < 30; ++i) {
      const int64_t dts = 1000 + i * 33;
      const int64_t pts = dts + (i % 3 == 1 ? 99 : i % 3 == 2 ? 0 : i == 0 ? 0 : -66);
      const auto stamp = t.stamp({0, dts, pts}, std::nullopt);
      REQUIRE(stamp);
      CHECK(stamp->dts > last);
      CHECK(stamp->pts >= stamp->dts);
      moved += stamp->pts != pts - 1000;
      last = stamp->dts;
    }
    CHECK(moved <= 1);
  }
  SUBCASE("an absurd composition time is dropped") {
    t.begin({{{1, 1000}, 0}}, std::vector<Timeline::Raw>{{0, 0, 0}});
    t.stamp({0, 0, 0}, std::nullopt);
    const auto stamp = t.stamp({0, 33, 33 - 8'000'000}, std::nullopt);
    CHECK(stamp->pts == 33);
  }
}

TEST_CASE("Timeline rebuilds audio times from the packet count") {
  Timeline t;
  const stream::Rational base{1, 44100};
  t.begin({{base, 1024}}, std::vector<Timeline::Raw>{{0, 0, 0}});
  int64_t last = -1;
  int exact = 0;
  constexpr int kPackets = 43 * 600;  // ten minutes
  const double ppm = 100;
  for (int i = 0; i < kPackets; ++i) {
    const auto ms = static_cast<int64_t>(i * 1024 / 44.1 * (1 + ppm * 1e-6));
    const int64_t raw = stream::rescale(ms, {1, 1000}, base);
    const auto stamp = t.stamp({0, raw, raw}, std::nullopt);
    REQUIRE(stamp);
    CHECK(std::abs(stamp->dts - raw) < 44.1 * 8);
    if (last >= 0) {
      CHECK(std::abs(stamp->dts - last - 1024) <= 1);
      exact += stamp->dts - last == 1024;
    }
    last = stamp->dts;
  }
  CHECK(exact > kPackets * 85 / 100);
}

TEST_CASE("Timeline sees that the first sound has the time of the second (I06)") {
  // What flvmux of GStreamer sends: the priming at 0 instead of -21 ms.
  Timeline timeline;
  std::vector<Timeline::Raw> sent = {{kPictures, 0, 0}, {kSounds, 0, 0}};
  for (int i = 0; i < 10; ++i) sent.push_back({kSounds, i * 64 / 3 * 48, i * 64 / 3 * 48});
  size_t previewed = sent.size();
  SUBCASE("much is known at the start") {}
  SUBCASE("two packets are") {
    previewed = 3;
  }
  timeline.begin({{{1, 1000}, 0}, {{1, 48000}, 1024}}, std::span(sent).first(previewed));
  const auto picture = timeline.stamp(sent[0], 0ms);
  REQUIRE(picture);
  CHECK(std::abs(picture->dts - 21) <= 1);
  int64_t expected = 0;
  for (size_t i = 1; i < sent.size(); ++i, expected += 1024) {
    const auto sound = timeline.stamp(sent[i], 0ms);
    REQUIRE(sound);
    CHECK(std::abs(sound->dts - expected) <= 48);
  }
}

TEST_CASE("Timeline shows nothing of a sitting before the end of the last one") {
  Timeline t;
  int64_t most = -1, last = -1;
  for (int sitting = 0; sitting < 3; ++sitting) {
    // I P B B: cut between P and its B pictures.
    const std::vector<Timeline::Raw> frames{
        {0, 0, 67}, {0, 33, 167}, {0, 67, 100}, {0, 100, 133}, {0, 133, 267}};
    t.begin({{{1, 1000}, 0}}, std::vector<Timeline::Raw>(frames.begin(), frames.begin() + 2));
    const int64_t before = most;
    for (const auto& f : frames) {
      const auto stamp = t.stamp(f, std::nullopt);
      REQUIRE(stamp);
      CHECK(stamp->pts > before);
      CHECK(stamp->dts > last);
      CHECK(stamp->dts - last < 200);
      most = std::max(most, stamp->pts);
      last = stamp->dts;
    }
  }
}

TEST_CASE("Timeline continues behind the last sitting") {
  Source s;
  s.begin({{kPictures, 0, 0}, {kSounds, 0, 0}});
  s.run(0, 5000, [](int64_t t, int, int) { return t; });
  const Nanoseconds end = s.timeline.end();
  CHECK(end >= 5000ms);
  CHECK(end <= 5050ms);
  s.begin({{kPictures, 900'000, 900'000}, {kSounds, 899'990, 899'990}});
  s.run(6000, 9000, [](int64_t t, int, int) { return t + 894'000; });
  CHECK(s.out[kPictures].size() == 240);
  CHECK(s.discontinuities == 0);
  CHECK(s.biggest_step(kPictures) < 80);
  CHECK(std::abs(s.apart_at_end() + 14) <= 20);
}
