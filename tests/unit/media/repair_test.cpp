// Packets of a live source with wrong times, as a pipe or a URL gives them.
#include "media/repair.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>

using namespace std::chrono_literals;
using namespace stream;
using media::TimeRepair;

namespace {

constexpr int kPicture = 0, kSound = 1;

av::Tracks two_clocks() {
  av::Track picture, sound;
  picture.time_base = {1, 90000};
  sound.type = av::MediaType::kAudio;
  sound.time_base = {1, 48000};
  return {picture, sound};
}

// 30 pictures and 50 sounds a second; each is in its place by its number, whatever its time says.
struct Live {
  av::Tracks tracks = two_clocks();
  std::deque<av::Packet> sent;
  std::map<int, std::vector<av::Packet>> got;

  // `bend(ms, track, index)` is what the source stamps, in milliseconds.
  template <typename Bend>
  void make(int64_t length_ms, Bend bend) {
    int pictures = 0, sounds = 0;
    for (int64_t ms = 0; ms < length_ms; ++ms) {
      if (ms * 3 % 100 < 3) add(kPicture, bend(ms, kPicture, pictures++));
      if (ms % 20 == 0) add(kSound, bend(ms, kSound, sounds++));
    }
  }
  void add(int track, int64_t ms) {
    av::Packet p;
    p.track = track;
    p.dts = p.pts = rescale(ms, {1, 1000}, tracks[static_cast<size_t>(track)].time_base);
    sent.push_back(p);
  }
  void repair(TimeRepair::Kind kind = TimeRepair::Kind::kLive) {
    TimeRepair repair(tracks, {sent.begin(), sent.begin() + 10}, kind);
    const auto take = [&] {
      while (auto out = repair.pop()) got[out->track].push_back(std::move(*out));
    };
    for (const av::Packet& p : sent) {
      repair.push(p, Nanoseconds(0));
      take();
    }
    repair.finish();
    take();
  }
  // What came out is what went in, to the tick.
  void check_same() const {
    std::map<int, size_t> next;
    for (const av::Packet& p : sent) {
      const av::Packet& out = got.at(p.track).at(next[p.track]++);
      CHECK(out.dts == p.dts);
      CHECK(out.pts == p.pts);
      CHECK_FALSE(out.mark);
    }
  }
  int64_t ms(const av::Packet& p) const {
    return rescale(p.dts, tracks[static_cast<size_t>(p.track)].time_base, {1, 1000});
  }
  int marks(int track) const {
    int count = 0;
    for (const av::Packet& p : got.at(track)) count += p.mark && p.mark->discontinuity;
    return count;
  }
  // Every packet is there, within `tolerance` of the time that its number says.
  void check_places(int64_t tolerance) const {
    REQUIRE(got.at(kPicture).size() + got.at(kSound).size() == sent.size());
    for (const auto& [track, line] : got)
      for (size_t i = 0; i < line.size(); ++i) {
        const auto place = static_cast<int64_t>(track == kPicture ? i * 1000 / 30 : i * 20);
        CHECK(std::abs(ms(line[i]) - place) <= tolerance);
        if (i > 0) CHECK(line[i].dts > line[i - 1].dts);
        CHECK(line[i].pts >= line[i].dts);
      }
  }
};

}  // namespace

TEST_CASE("TimeRepair leaves good times as they are, to the tick") {
  for (const auto kind : {TimeRepair::Kind::kLive, TimeRepair::Kind::kFile}) {
    Live live;
    live.make(10'000, [](int64_t ms, int, int) { return ms - 66; });  // a priming before 0
    live.repair(kind);
    live.check_same();
  }
}

TEST_CASE("TimeRepair: the gaps of a file are true, one of an hour is a jump") {
  for (const int64_t gap : {1500, 30'000, 9 * 60'000}) {
    CAPTURE(gap);
    Live file;
    file.make(10'000, [gap](int64_t ms, int, int) { return ms >= 5000 ? ms + gap : ms; });
    file.repair(TimeRepair::Kind::kFile);
    file.check_same();
  }
  Live slides;  // one each half minute, without sound
  for (int i = 0; i < 10; ++i) slides.add(kPicture, i * 30'000);
  slides.repair(TimeRepair::Kind::kFile);
  slides.check_same();
}

TEST_CASE("TimeRepair restamps a picture every 2 s that is far off (I11)") {
  for (const auto kind : {TimeRepair::Kind::kLive, TimeRepair::Kind::kFile})
    for (const int64_t off : {-10'000, -9'800'000, 60'000, 37'600'000}) {
      CAPTURE(off);
      Live live;
      live.make(20'000, [off](int64_t ms, int track, int i) {
        return track == kPicture && i % 60 == 30 ? ms + off : ms;
      });
      live.repair(kind);
      live.check_places(2);
      CHECK(live.marks(kPicture) == 0);
      CHECK(live.marks(kSound) == 0);
    }
}

TEST_CASE("TimeRepair makes a jump that lasts a discontinuity (I11)") {
  for (const auto kind : {TimeRepair::Kind::kLive, TimeRepair::Kind::kFile})
    for (const int64_t off : {-10'000, 3'600'000}) {
      CAPTURE(off);
      Live live;
      live.make(30'000, [off](int64_t ms, int, int) { return ms >= 20'000 ? ms + off : ms; });
      live.repair(kind);
      live.check_places(35);  // a picture: where exactly the clock was set is not known
      CHECK(live.marks(kPicture) == 1);
      CHECK(live.marks(kSound) == 1);
    }
}

TEST_CASE("TimeRepair tells a pause from a jump, and takes a track that comes later") {
  TimeRepair repair(two_clocks(), {}, TimeRepair::Kind::kLive);
  const auto at = [&](int track, int64_t ms, Nanoseconds arrival) {
    av::Packet p;
    p.track = track;
    p.dts = p.pts = rescale(ms, {1, 1000}, two_clocks()[static_cast<size_t>(track) % 2].time_base);
    repair.push(p, arrival);
    const auto out = repair.pop();
    REQUIRE(out);
    CHECK_FALSE(out->mark);
    CHECK(out->dts == p.dts);
  };
  for (int64_t ms = 0; ms < 1000; ms += 20) at(kSound, ms, 1ms * ms);
  at(kPicture, 980, 980ms);
  at(kSound, 5000, 5000ms);
  at(kPicture, 5000, 5000ms);
  av::Tracks more = two_clocks();
  more.push_back(more.front());
  repair.follow(more);
  at(2, 5020, 5020ms);
}
