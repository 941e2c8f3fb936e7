#include "ingest/switcher.h"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <optional>
#include <thread>

#include "ingest/switch_driver.h"

using namespace std::chrono_literals;
using namespace stream;
using media::Hub;
using media::OnSlow;
using media::Slate;
using media::Switcher;
using media::Timeline;

namespace {

av::Tracks tracks(Rational video_base, const char* extradata) {
  av::Track picture;
  picture.codec = "h264";
  picture.width = 64;
  picture.height = 48;
  picture.frame_rate = {25, 1};
  picture.time_base = video_base;
  picture.extradata = Buffer::copy(Bytes(reinterpret_cast<const uint8_t*>(extradata), 4));
  av::Track sound;
  sound.type = av::MediaType::kAudio;
  sound.codec = "aac";
  sound.sample_rate = 48000;
  sound.channels = 2;
  sound.time_base = {1, 48000};
  return {picture, sound};
}

// A stream with two inputs, a clock that is moved by hand, and a reader that saw everything.
struct SwitcherStage {
  Nanoseconds now = 100s;
  Hub out;
  Timeline timeline;
  std::vector<Switcher::Switch> switches;
  Switcher switcher;
  std::shared_ptr<media::HubReader> reader = out.attach(OnSlow::kBlock, [] {});
  std::map<size_t, int64_t> frames;

  explicit SwitcherStage(bool slate = false)
      : switcher(out, timeline, {3s, slate, [this] { return now; }},
                 [this](const auto& change) { switches.push_back(change); }) {
    switcher.add("primary");
    switcher.add("backup");
  }
  static Rational base(size_t input) { return input ? Rational{1, 90000} : Rational{1, 1000}; }
  void announce(size_t input) {
    switcher.hub(input).announce(tracks(base(input), input ? "two " : "one "));
  }
  // 25 pictures a second with a keyframe each second, and sound with each.
  void frame(size_t input) {
    const int64_t n = frames[input]++;
    av::Packet p;
    p.track = 0;
    p.dts = p.pts = rescale(n, {1, 25}, base(input));
    p.key = n % 25 == 0;
    if (n == 0) {
      av::Mark mark;
      mark.session = input ? "b" : "a";
      p.mark = std::make_shared<const av::Mark>(mark);
    }
    p.data = Buffer::copy(Bytes(reinterpret_cast<const uint8_t*>(input ? "B" : "A"), 1));
    switcher.hub(input).push(p);
    p.mark = nullptr;
    p.track = 1;
    p.key = true;
    p.dts = p.pts = n * 1920;
    switcher.hub(input).push(p);
  }
  void run(Nanoseconds time, std::initializer_list<size_t> inputs) {
    for (const Nanoseconds end = now + time; now < end; now += 40ms) {
      for (const size_t input : inputs) frame(input);
      switcher.tick();
    }
  }
  std::map<int, std::vector<av::Packet>> drain() {
    std::map<int, std::vector<av::Packet>> all;
    while (auto p = reader->pop()) all[p->track].push_back(*p);
    return all;
  }
};

// Strictly increasing, without a gap beyond `most` ticks.
void in_order(const std::vector<av::Packet>& packets, int64_t most) {
  for (size_t i = 1; i < packets.size(); ++i) {
    CHECK(packets[i].dts > packets[i - 1].dts);
    CHECK(packets[i].dts - packets[i - 1].dts <= most);
    CHECK(packets[i].pts >= packets[i].dts);
  }
}

int marks(const std::vector<av::Packet>& packets) {
  int count = 0;
  for (const auto& p : packets) count += p.mark && p.mark->discontinuity;
  return count;
}

}  // namespace

TEST_CASE("Switcher") {
  SwitcherStage s;
  s.announce(0);
  s.announce(1);
  SUBCASE("the preferred one is on air from its first keyframe") {
    s.run(4s, {0, 1});
    CHECK(s.switcher.on_air() == "primary");
    const auto out = s.drain();
    CHECK(out.at(0).size() == 100);
    CHECK(marks(out.at(0)) == 0);
    CHECK(out.at(0).front().mark->session == "a");
  }
  SUBCASE("a silent input is left for the backup, which starts with its newest keyframe") {
    s.run(2s, {0, 1});
    s.run(5s, {1});
    CHECK(s.switcher.on_air() == "backup");
    const auto out = s.drain();
    in_order(out.at(0), 80);
    in_order(out.at(1), 2 * 1920);
    CHECK(marks(out.at(0)) == 1);
    CHECK(marks(out.at(1)) == 1);
    size_t at = 0;
    while (*out.at(0)[at].data.data() == 'A') ++at;
    CHECK(out.at(0)[at].key);
    CHECK(out.at(0)[at].mark->session == "b");
    CHECK(out.at(0)[at].mark->extradata.size() == 4);
    // 40 ms in the clock of the first one's track.
    CHECK(out.at(0)[at + 1].dts - out.at(0)[at].dts == 40);
  }
  SUBCASE("what left is replaced at the next keyframe, and taken back at one of its own") {
    s.run(2s + 400ms, {0, 1});
    s.switcher.gone(0, "cut");
    CHECK(s.switcher.on_air() == "primary");
    s.run(1s, {1});
    CHECK(s.switcher.on_air() == "backup");
    CHECK(s.switches.back().reason == "primary is gone: cut");
    CHECK(s.switches.back().gap <= 1s);
    s.run(2s, {0, 1});
    CHECK(s.switcher.on_air() == "primary");
    const auto out = s.drain();
    in_order(out.at(0), 80);
    CHECK(marks(out.at(0)) == 2);
  }
  SUBCASE("the operator's choice holds until it is taken back") {
    s.run(2s, {0, 1});
    CHECK_FALSE(s.switcher.select("nobody"));
    CHECK_FALSE(s.switcher.select("slate"));
    CHECK(s.switcher.select("backup"));
    s.run(2s, {0, 1});
    CHECK(s.switcher.on_air() == "backup");
    CHECK(s.switcher.select("auto"));
    s.run(2s, {0, 1});
    CHECK(s.switcher.on_air() == "primary");
    in_order(s.drain().at(0), 80);
  }
  SUBCASE("other codecs end the readers' sitting") {
    s.run(2s, {0});
    av::Tracks other = tracks({1, 1000}, "new ");
    other[0].codec = "hevc";
    s.switcher.hub(0).announce(other);
    s.run(2s, {0});
    CHECK(s.out.tracks()[0].codec == "hevc");
    CHECK(s.reader->state() == media::HubReader::State::kEnded);
  }
}

TEST_CASE("Switcher with a slate") {
  SwitcherStage s(true);
  s.announce(0);
  s.run(2s, {0});
  const auto like = s.switcher.slate_wanted();
  REQUIRE(like);
  CHECK_FALSE(s.switcher.slate_wanted());
  s.switcher.set_slate(std::make_shared<const Slate>(Slate::make({"x", ""}, *like)));
  SUBCASE("fills an outage to the frame, and goes at a keyframe") {
    s.switcher.tick();
    s.switcher.gone(0, "cut");
    s.run(20s, {});
    CHECK(s.switcher.on_air() == "slate");
    s.frames[0] = 25 * 100;
    s.run(2s, {0});
    CHECK(s.switcher.on_air() == "primary");
    const auto out = s.drain();
    in_order(out.at(0), 90);
    in_order(out.at(1), 2 * 1920);
    CHECK(marks(out.at(0)) == 2);
    CHECK(marks(out.at(1)) == 2);
    CHECK(out.at(0).size() >= 24 * 25 - 3);
    CHECK(out.at(0).size() <= 24 * 25 + 3);
  }
  SUBCASE("what was not sent before it began is made up for") {
    s.run(5s, {});
    CHECK(s.switcher.on_air() == "slate");
    CHECK(s.drain().at(0).size() >= 7 * 25 - 8);
  }
}

TEST_CASE("SwitchDriver may end while its turn waits") {
  SwitcherStage s;
  boost::asio::io_context io;
  std::optional<media::SwitchDriver> driver(std::in_place, io, s.switcher, media::SlateSource{},
                                            [](const std::string&) {});
  boost::asio::steady_timer end(io, 0ms);
  end.async_wait([&](boost::system::error_code) { driver.reset(); });
  std::this_thread::sleep_for(s.switcher.next_tick() + 20ms);  // both are due, and the end is first
  io.run_for(2s);
  CHECK_FALSE(driver);
  CHECK(io.stopped());
}
