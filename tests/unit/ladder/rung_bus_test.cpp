#include "ladder/rung_bus.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>
#include <thread>
#include <vector>

#include "base/error.h"
#include "media/input.h"
#include "os/dirs.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::media;

namespace {

av::Track rung_picture() {
  av::Track track;
  track.codec = "vp8";
  track.width = 320;
  track.height = 180;
  track.frame_rate = {25, 1};
  track.time_base = kLadderBase;
  return track;
}

av::Track rung_sound() {
  av::Track track;
  track.type = av::MediaType::kAudio;
  track.codec = "pcm_s16le";
  track.sample_rate = 48000;
  track.channels = 1;
  track.time_base = {1, 48000};
  return track;
}

// The n-th of 25 a second, from one minute on; each 25th is a key frame.
av::Packet nth_picture(int n) {
  std::vector<uint8_t> bytes{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00};
  av::Packet packet;
  packet.key = n % 25 == 0;
  if (!packet.key) bytes[0] |= 1;
  packet.pts = packet.dts = 60 * kLadderSecond + int64_t{n} * 3600;
  packet.duration = 3600;
  packet.data = Buffer::copy(bytes);
  return packet;
}

av::Packet nth_sound(int n) {  // 40 ms each
  av::Packet packet;
  packet.pts = packet.dts = 60 * 48000 + int64_t{n} * 1920;
  packet.duration = 1920;
  packet.key = true;
  packet.data = Buffer::copy(std::vector<uint8_t>(3840));
  return packet;
}

constexpr int kFirst = 48;

struct Told {
  std::mutex mutex;
  std::vector<std::string> names;
  EventSink sink() {
    return [this](const std::string& name, const EventFields& fields) {
      const std::lock_guard lock(mutex);
      names.push_back(name + " " + std::get<std::string>(fields.front().second));
    };
  }
};

// What comes up to the picture at `last`, as "v" and "a" with milliseconds since the first minute.
std::vector<std::string> read_until(MediaInput& input, int last) {
  std::vector<std::string> seen;
  for (;;) {
    const auto item = input.read();
    const auto* packet = std::get_if<av::Packet>(&item);
    if (!packet) return seen;
    const av::Track& track = input.tracks()[static_cast<size_t>(packet->track)];
    const int64_t ms = rescale(packet->pts, track.time_base, {1, 1000}) - 60000;
    const bool breaks = packet->mark && packet->mark->discontinuity;
    seen.push_back((packet->track == 0 ? "v" : "a") + std::to_string(ms) + (breaks ? "!" : ""));
    if (packet->track == 0 && ms >= last * 40) return seen;
  }
}

}  // namespace

TEST_CASE("rungs on the bus share their times, and the sound waits for the picture") {
  const RuntimeDir dir;
  Told told;
  LadderBus bus("demo", told.sink());
  const auto large = bus.add("720p"), small = bus.add("360p");
  CHECK(os::live_rungs("demo") == std::vector<std::string>{"360p", "720p"});
  CHECK_THROWS_AS(LadderBus("demo", told.sink()).add("720p"), Error);
  const av::Track sound = rung_sound();
  for (int i = 0; i < 5; ++i) bus.sound(nth_sound(i));  // nobody knows of it yet: kept
  for (const auto& rung : {large, small}) rung->begin(rung_picture(), &sound, false);
  // libavformat looks at some before it tells what the tracks are.
  for (int i = 0; i < kFirst; ++i) {
    for (const auto& rung : {large, small}) rung->picture(nth_picture(i));
    bus.sound(nth_sound(i + 5));
  }
  bus.add("240p");  // comes after all that was handed over
  InputOptions raw;
  raw.own_times = true;
  MediaInput first("bus:demo/720p", raw), second("bus:demo/360p", raw);
  REQUIRE(first.tracks().size() == 2);
  CHECK_FALSE(first.waits_for_reader());
  // From the newest keyframe on; the sound that was ahead comes when its picture does.
  const auto begun = read_until(first, kFirst - 1);
  CHECK(std::vector(begun.begin(), begun.begin() + 4) ==
        std::vector<std::string>{"v1000", "a1000", "v1040", "a1040"});
  CHECK(read_until(second, kFirst - 1) == begun);
  const Nanoseconds patience = monotonic_now() + std::chrono::seconds(10);
  const auto read = [&](const auto& rung) {
    const auto status = rung->status();
    return status.readers.size() == 1 && status.sent_bytes > 10'000;
  };
  while (!(read(large) && read(small)) && monotonic_now() < patience) std::this_thread::yield();
  REQUIRE(read(large));
  CHECK(large->status().readers[0].pid == ::getpid());
  CHECK(large->status().readers[0].sent_bytes == large->status().sent_bytes);
  CHECK(large->status().dropped_packets == 0);
  large->pause();
  for (const int i : {50, 51}) large->picture(nth_picture(i));
  const auto after = read_until(first, 51);
  CHECK(after.front() == "a1880");
  CHECK(std::count(after.begin(), after.end(), "v2000!") == 1);
  CHECK(after.back() == "v2040");
  // At the end readers get what is left, and the sockets go.
  large->picture(nth_picture(52));
  bus.sound(nth_sound(60));
  bus.finish();
  CHECK(read_until(first, 99) == std::vector<std::string>{"a2040", "v2080", "a2080", "a2400"});
  CHECK(os::live_rungs("demo").empty());
  CHECK_FALSE(std::filesystem::exists(dir / "demo/rungs"));
  CHECK(large->status().readers.empty());
  CHECK(large->status().sent_bytes > 10'000);  // to who has left
  const std::lock_guard lock(told.mutex);
  const auto times = [&](const char* what) {
    return std::count(told.names.begin(), told.names.end(), what);
  };
  CHECK(times("reader.connected 360p") >= 1);
  CHECK(times("reader.connected 360p") == times("reader.disconnected 360p"));
}

TEST_CASE("an encoder that is replaced keeps decoding times in order; new tracks are told") {
  const RuntimeDir dir;
  LadderBus bus("demo", [](const std::string&, EventFields) {});
  const auto rung = bus.add("720p");
  rung->begin(rung_picture(), nullptr, false);
  for (int i = 0; i < kFirst; ++i) rung->picture(nth_picture(i));
  bus.add("240p");
  MediaInput input("bus:demo/720p");
  av::Packet early = nth_picture(0);
  early.dts = early.pts = nth_picture(kFirst - 2).dts;
  rung->picture(early);
  av::Track other = rung_picture();
  other.extradata = Buffer::copy(std::vector<uint8_t>{1, 2, 3});
  rung->begin(other, nullptr, true);
  rung->picture(nth_picture(75));
  bus.finish();
  std::vector<av::Packet> packets;
  for (auto item = input.read(); auto* packet = std::get_if<av::Packet>(&item); item = input.read())
    packets.push_back(*packet);
  REQUIRE(packets.size() == kFirst - 25 + 2);
  for (size_t i = 1; i < packets.size(); ++i) CHECK(packets[i - 1].dts < packets[i].dts);
  CHECK_FALSE(packets[packets.size() - 2].mark);
  REQUIRE(packets.back().mark);
  CHECK(packets.back().mark->discontinuity);
  CHECK(packets.back().mark->extradata == other.extradata);
}
