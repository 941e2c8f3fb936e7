// What a bus reader gets back is what the publisher wrote: bytes, times, key flags, marks.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <thread>
#include <vector>

#include "av/input.h"
#include "av/output.h"
#include "base/error.h"

using namespace stream;
using namespace stream::av;

namespace {

const uint8_t kAvcC[] = {1,    0x42, 0xc0, 0x1e, 0xff, 0xe1, 0,    4, 0x67, 0x42,
                         0xc0, 0x1e, 1,    0,    4,    0x68, 0xce, 1, 2};
const uint8_t kAsc[] = {0x11, 0x90};

Tracks two_tracks(int reorder) {
  Track video;
  video.codec = "h264";
  video.time_base = {1, 1000};
  video.width = 640;
  video.height = 360;
  video.frame_rate = {30, 1};
  video.reorder = reorder;
  video.extradata = Buffer::copy(kAvcC);
  Track audio;
  audio.type = MediaType::kAudio;
  audio.codec = "aac";
  audio.time_base = {1, 1000};
  audio.sample_rate = 48000;
  audio.channels = 2;
  audio.extradata = Buffer::copy(kAsc);
  return {video, audio};
}

Packet packet(int track, int64_t dts, int64_t pts, bool key, size_t size = 100) {
  std::vector<uint8_t> bytes(size, static_cast<uint8_t>(dts));
  Packet p;
  p.track = track;
  p.dts = dts;
  p.pts = pts;
  p.key = key;
  p.data = Buffer::copy(bytes);
  return p;
}

struct Read {
  Tracks tracks;
  std::vector<Packet> packets;
};

// Through a real pipe, as the programs do it.
Read through_pipe(const std::string& format, const Tracks& tracks,
                  const std::vector<Packet>& packets,
                  std::chrono::milliseconds turn = std::chrono::milliseconds(0)) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  std::thread writer([&, out = ends[1]] {
    os::Fd fd(out);
    Output output(format, tracks, [&](Bytes b) { os::write_all(fd.get(), b); });
    for (const Packet& p : packets) output.write(p);
    output.finish();
  });
  Input input = Input::from_fd(os::Fd(ends[0]), "pipe");
  input.gather(turn);
  Read read{input.tracks(), {}};
  while (auto p = input.read()) read.packets.push_back(*p);
  writer.join();
  return read;
}

}  // namespace

TEST_CASE("NUT carries tracks, times and key flags") {
  std::vector<Packet> written;
  for (int i = 0; i < 50; ++i) {
    written.push_back(packet(0, i * 33, i * 33, i % 10 == 0, i % 10 == 0 ? 70000 : 900));
    written.push_back(packet(1, i * 33 + 1, i * 33 + 1, true));
  }
  const Read read = through_pipe("nut", two_tracks(0), written);
  REQUIRE(read.tracks.size() == 2);
  CHECK(read.tracks[0].codec == "h264");
  CHECK(read.tracks[0].width == 640);
  CHECK(read.tracks[0].frame_rate == Rational{30, 1});
  CHECK(read.tracks[0].extradata == Buffer::copy(kAvcC));
  CHECK(read.tracks[1].codec == "aac");
  CHECK(read.tracks[1].sample_rate == 48000);
  REQUIRE(read.packets.size() == written.size());
  for (size_t i = 0; i < written.size(); ++i) {
    const Packet& p = read.packets[i];
    CHECK(p.track == written[i].track);
    CHECK(p.data == written[i].data);
    CHECK(p.key == written[i].key);
    CHECK(rescale(p.pts, read.tracks[p.track].time_base, {1, 1000}) == written[i].pts);
    CHECK(rescale(p.dts, read.tracks[p.track].time_base, {1, 1000}) == written[i].dts);
  }
}

TEST_CASE("decoding times of reordered pictures are derived from the declared depth") {
  // Display order of decoding order I P B B: 0 3 1 2, 6 4 5 ...; depth 1 without a pyramid.
  const int64_t pts[] = {0, 3, 1, 2, 6, 4, 5, 9, 7, 8};
  std::vector<Packet> written;
  for (int i = 0; i < 10; ++i) written.push_back(packet(0, (i - 1) * 40, pts[i] * 40, i == 0));
  Tracks tracks = two_tracks(1);
  tracks.pop_back();
  tracks[0].frame_rate = {25, 1};
  const Read read = through_pipe("nut", tracks, written);
  REQUIRE(read.packets.size() == written.size());
  for (size_t i = 0; i < written.size(); ++i) {
    CHECK(rescale(read.packets[i].pts, read.tracks[0].time_base, {1, 1000}) == written[i].pts);
    CHECK(rescale(read.packets[i].dts, read.tracks[0].time_base, {1, 1000}) == written[i].dts);
  }
}

TEST_CASE("marks travel as side data of their packet alone") {
  std::vector<Packet> written;
  for (int i = 0; i < 6; ++i) written.push_back(packet(0, i * 40, i * 40, i % 3 == 0));
  const uint8_t other[] = {1, 0x64, 0, 0x1f, 0xff};
  written[3].mark = std::make_shared<Mark>(Mark{"0a1b", true, Buffer::copy(other)});
  Tracks tracks = two_tracks(0);
  tracks.pop_back();
  const Read read = through_pipe("nut", tracks, written);
  REQUIRE(read.packets.size() == 6);
  for (size_t i = 0; i < 6; ++i) {
    if (i != 3) {
      CHECK_FALSE(read.packets[i].mark);
      continue;
    }
    REQUIRE(read.packets[i].mark);
    CHECK(read.packets[i].mark->session == "0a1b");
    CHECK(read.packets[i].mark->discontinuity);
    CHECK(read.packets[i].mark->extradata == Buffer::copy(other));
  }
}

TEST_CASE("an interrupted reader returns at once") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  os::Fd out(ends[1]);
  Tracks tracks = two_tracks(0);
  Output output("nut", tracks, [&](Bytes b) { os::write_all(out.get(), b); });
  output.write(packet(0, 0, 0, true));
  output.write(packet(0, 40, 40, false));
  Input input = Input::from_fd(os::Fd(ends[0]), "pipe", "nut");
  std::thread other([i = input.interrupter()] { i->interrupt(); });
  while (input.read()) {
  }
  CHECK(input.interrupted());
  other.join();
}

TEST_CASE("an input that is no media says so with its name") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  os::Fd out(ends[1]);
  const uint8_t text[] = "this is no media";
  os::write_all(out.get(), text);
  out.reset();
  CHECK_THROWS_WITH_AS(Input::from_fd(os::Fd(ends[0]), "standard input"),
                       "cannot read standard input: no media format that FFmpeg knows", Error);
}

TEST_CASE("a failing sink ends the write with its own error") {
  bool fail = false;
  Output output("nut", two_tracks(0), [&](Bytes) {
    if (fail) throw Error(Exit::kNo, "test", "sink is full");
  });
  fail = true;
  CHECK_THROWS_WITH_AS(output.write(packet(0, 0, 0, true)), "sink is full", Error);
}

TEST_CASE("what may gather is all there") {
  std::vector<Packet> written;
  for (int i = 0; i < 300; ++i) written.push_back(packet(0, i * 33, i * 33, i % 30 == 0, 1000));
  const Read read = through_pipe("nut", two_tracks(0), written, std::chrono::milliseconds(5));
  REQUIRE(read.packets.size() == written.size());
  for (size_t i = 0; i < written.size(); ++i) CHECK(read.packets[i].data == written[i].data);
}

TEST_CASE("who waits for more to gather is interrupted all the same") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const os::Fd out(ends[1]);
  Output output("nut", two_tracks(0), [&](Bytes b) { os::write_all(out.get(), b); });
  for (int i = 0; i < 20; ++i) output.write(packet(0, i * 33, i * 33, i == 0, 500));
  const auto interrupter = std::make_shared<Input::Interrupter>();
  Input input = Input::from_fd(os::Fd(ends[0]), "pipe", "nut", interrupter);
  input.gather(std::chrono::hours(1));
  std::thread other([&] { interrupter->interrupt(); });
  while (input.read()) {
  }
  other.join();
  CHECK(input.interrupted());
}
