// Whole ladders over a source made here.
#include "ladder/ladder.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include "av/encoder.h"
#include "av/output.h"
#include "base/error.h"
#include "hls/playlist.h"
#include "os/fd.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::media;

namespace {

// `seconds` of moving grey at 30 pictures per second with a keyframe each second, as NUT.
void make_source(const std::filesystem::path& path, int seconds) {
  av::VideoEncoding o;
  o.preset = "ultrafast";
  o.width = 320;
  o.height = 180;
  o.bit_rate = 300'000;
  av::Encoder encoder(o);
  std::ofstream file(path, std::ios::binary);
  av::Output output("nut", {encoder.track()}, [&](Bytes bytes) {
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
  });
  const auto drain = [&] {
    while (auto packet = encoder.receive()) output.write(*packet);
  };
  for (int i = 0; i < seconds * 30; i++) {
    av::Frame frame = av::Frame::picture(320, 180);
    for (int p = 0; p < 3; p++)
      for (int y = 0; y < (p ? 90 : 180); y++)
        for (int x = 0; x < (p ? 160 : 320); x++)
          frame.plane(p)[y * frame.stride(p) + x] =
              static_cast<uint8_t>(p ? 128 : (x + y + 4 * i) % 200);
    frame.set_pts(int64_t{i} * 3000);
    encoder.send(frame, i % 30 == 0);
    drain();
  }
  encoder.finish();
  drain();
  output.finish();
}

LadderOptions two_rungs(const std::filesystem::path& output) {
  LadderOptions o;
  o.spec.rungs = {parse_rung("180p@300k,preset=ultrafast"),
                  parse_rung("120p@100k,preset=ultrafast")};
  o.spec.segment = std::chrono::seconds(1);
  o.spec.window = Nanoseconds(0);
  o.output = output;
  return o;
}

hls::MediaPlaylist playlist(const std::filesystem::path& path) {
  const auto parsed = hls::parse_media_playlist([&] {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }());
  REQUIRE(std::holds_alternative<hls::MediaPlaylist>(parsed));
  return std::get<hls::MediaPlaylist>(parsed);
}

}  // namespace

TEST_CASE("Ladder") {
  TempDir t;
  make_source(t / "source.nut", 5);
  MediaInput input(t / "source.nut");
  LadderOptions options = two_rungs(t / "out");
  std::filesystem::create_directories(options.output);

  SUBCASE("makes every rung, cut alike") {
    Ladder ladder(options);
    ladder.run(input);
    const LadderStatus status = ladder.status();
    REQUIRE(status.rungs.size() == 2);
    for (const RungStatus& rung : status.rungs) {
      CHECK(rung.pictures == 150);
      const auto p = playlist(options.output / rung.name / "playlist.m3u8");
      CHECK(p.ended);
      REQUIRE(p.segments.size() == 5);
      for (const auto& s : p.segments) CHECK(s.duration == std::chrono::seconds(1));
    }
    CHECK(std::filesystem::exists(options.output / "master.m3u8"));
  }
  SUBCASE("an encoder that breaks is replaced within its segment; the others do not notice") {
    std::atomic<int> broke = 0;
    std::atomic<int> told = 0;
    options.probe = [&](const std::string& rung, int64_t pts) {
      if (rung == "180p" && pts > 2.5 * kLadderSecond && broke.exchange(1) == 0)
        throw std::runtime_error("broken on purpose");
    };
    options.event = [&](const std::string& event, EventFields) { told += event == "rung.failed"; };
    Ladder ladder(options);
    ladder.run(input);
    CHECK(told == 1);
    const LadderStatus status = ladder.status();
    CHECK(status.rungs[0].restarts == 1);
    CHECK(status.rungs[0].pictures < 150);
    CHECK(status.rungs[0].pictures > 100);
    CHECK(status.rungs[1].pictures == 150);
    CHECK(status.rungs[1].restarts == 0);
    const auto broken = playlist(options.output / "180p" / "playlist.m3u8");
    const auto whole = playlist(options.output / "120p" / "playlist.m3u8");
    REQUIRE(broken.segments.size() == whole.segments.size());
    for (size_t i = 0; i < whole.segments.size(); i++) {
      CHECK(broken.segments[i].duration == whole.segments[i].duration);
      CHECK(broken.segments[i].date == whole.segments[i].date);
      CHECK_FALSE(broken.segments[i].gap);
    }
  }
  SUBCASE("stop ends it early, with everything finalised") {
    Ladder* running = nullptr;
    options.probe = [&](const std::string&, int64_t pts) {
      if (pts > 2 * kLadderSecond) running->stop();
    };
    Ladder ladder(options);
    running = &ladder;
    ladder.run(input);
    const auto p = playlist(options.output / "120p" / "playlist.m3u8");
    CHECK(p.ended);
    CHECK(p.segments.size() >= 1);
    CHECK(p.segments.size() < 5);
  }
  SUBCASE("on the bus alone: the same pictures, the same rates, and no file") {
    const RuntimeDir runtime;
    Ladder in_files(options);
    in_files.run(input);
    MediaInput again(t / "source.nut");
    LadderOptions live = two_rungs("");
    live.bus = "demo";
    std::atomic<int> written = 0;
    live.event = [&](const std::string& event, EventFields) {
      written += event == "segment.written";
    };
    const auto before = std::distance(std::filesystem::recursive_directory_iterator(t.path), {});
    Ladder ladder(live);
    ladder.run(again);
    CHECK(written == 0);
    CHECK(std::distance(std::filesystem::recursive_directory_iterator(t.path), {}) == before);
    CHECK_FALSE(std::filesystem::exists("master.m3u8"));
    const LadderStatus files = in_files.status(), bus = ladder.status();
    REQUIRE(bus.rungs.size() == 2);
    for (size_t i = 0; i < 2; i++) {
      CHECK(bus.rungs[i].pictures == 150);
      REQUIRE(bus.rungs[i].bus);
      CHECK(bus.rungs[i].bus->readers.empty());
      const auto near = [](uint64_t value) {
        return doctest::Approx(static_cast<double>(value)).epsilon(0.2);
      };
      CHECK(static_cast<double>(bus.rungs[i].rates.average) == near(files.rungs[i].rates.average));
      CHECK(static_cast<double>(bus.rungs[i].rates.peak) == near(files.rungs[i].rates.peak));
      CHECK_FALSE(files.rungs[i].bus);
    }
  }
  SUBCASE("a second run goes on where the first ended") {
    Ladder(options).run(input);
    MediaInput again(t / "source.nut");
    Ladder(options).run(again);
    CHECK(playlist(options.output / "120p" / "playlist.m3u8").media_sequence == 6);
    CHECK(playlist(options.output / "120p" / "playlist.m3u8").discontinuity_sequence == 1);
  }
}
