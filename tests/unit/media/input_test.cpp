#include "media/input.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "av/output.h"
#include "base/error.h"
#include "os/dirs.h"
#include "unit/temp_dir.h"

using namespace stream;
using media::MediaInput;

namespace {

av::Track sound() {
  av::Track track;
  track.type = av::MediaType::kAudio;
  track.codec = "pcm_s16le";
  track.sample_rate = 48000;
  track.channels = 1;
  return track;
}

av::Packet nut_packet(int track, int64_t ms) {
  static const uint8_t kSamples[1920] = {};
  av::Packet p;
  p.track = track;
  p.pts = p.dts = ms;
  p.key = true;
  p.duration = 20;
  p.data = Buffer::copy(kSamples);
  return p;
}

// From packet `jump_at` on, times are `jump_ms` later.
struct Jump {
  int at = 1 << 30;
  int64_t ms = 0;
  bool keeps_contract = false;  // what the writer says of it
};

void write_nut(int fd, size_t tracks, int64_t from_ms, int count, Jump jump = {}) {
  av::Output output(
      "nut", av::Tracks(tracks, sound()), [fd](Bytes b) { os::write_all(fd, b); }, {},
      jump.keeps_contract);
  for (int i = 0; i < count; ++i)
    for (size_t t = 0; t < tracks; ++t)
      output.write(
          nut_packet(static_cast<int>(t), from_ms + i * 20 + (i >= jump.at ? jump.ms : 0)));
  output.finish();
}

// A publisher that serves one sitting after another and then removes its socket, as ingest does.
struct FakeBus {
  os::Fd listener;
  std::string path;
  explicit FakeBus(const std::string& name) : path(os::stream_runtime_dir(name) + "/media.sock") {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path.c_str());
    listener = os::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener.get(), 4) == 0);
  }
  void serve(size_t tracks, int64_t from_ms, bool last, int count = 10, Jump jump = {}) {
    const os::Fd reader(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (last) ::unlink(path.c_str());
    write_nut(reader.get(), tracks, from_ms, count, jump);
  }
};

int64_t ms(const MediaInput& input, const av::Packet& p) {
  return rescale(p.dts, input.tracks()[static_cast<size_t>(p.track)].time_base, {1, 1000});
}

}  // namespace

TEST_CASE("a file that starts late is read from 0") {
  const RuntimeDir dir;
  const std::string path = dir.path + "/a.nut";
  {
    const os::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    write_nut(file.get(), 2, 10000, 20);
  }
  MediaInput input(path);
  CHECK(input.waits_for_reader());
  CHECK(input.tracks().size() == 2);
  int count = 0;
  for (auto item = input.read(); std::holds_alternative<av::Packet>(item); item = input.read()) {
    CHECK(ms(input, std::get<av::Packet>(item)) == count / 2 * 20);
    ++count;
  }
  CHECK(count == 40);
}

TEST_CASE("a bus that announces another track is joined again and times go on") {
  const RuntimeDir dir;
  FakeBus bus("demo");
  std::thread publisher([&] {
    bus.serve(1, 5000, false);
    bus.serve(2, 77000, true);
  });
  MediaInput input("bus:demo");
  CHECK_FALSE(input.waits_for_reader());
  std::vector<int64_t> first;
  int changes = 0, discontinuities = 0;
  int64_t last = -1;
  for (;;) {
    const auto item = input.read();
    if (std::holds_alternative<MediaInput::End>(item)) break;
    if (std::holds_alternative<MediaInput::TracksChanged>(item)) {
      ++changes;
      continue;
    }
    const auto& p = std::get<av::Packet>(item);
    discontinuities += p.mark && p.mark->discontinuity;
    if (p.track == 0) {
      CHECK(ms(input, p) > last);
      CHECK(ms(input, p) <= last + 40);
      last = ms(input, p);
    }
  }
  publisher.join();
  CHECK(changes == 1);
  CHECK(discontinuities == 2);
  CHECK(input.tracks().size() == 2);
}

namespace {

// What a reader of `spec` gets of two tracks of 50 packets.
struct Times {
  std::vector<int64_t> of[2];
  int discontinuities = 0;
  explicit Times(const std::string& spec) {
    media::InputOptions options;
    options.repair = true;
    MediaInput input(spec, options);
    for (auto item = input.read(); !std::holds_alternative<MediaInput::End>(item);
         item = input.read()) {
      const auto* p = std::get_if<av::Packet>(&item);
      if (!p) continue;
      of[p->track].push_back(ms(input, *p));
      discontinuities += p->mark && p->mark->discontinuity;
    }
  }
};

}  // namespace

TEST_CASE("a bus whose times jump is repaired, unless its writer promises that they don't") {
  const RuntimeDir dir;
  for (const bool promised : {false, true}) {
    FakeBus bus("demo");
    std::thread publisher([&] { bus.serve(2, 5000, true, 50, {25, 3'600'000, promised}); });
    const Times times("bus:demo");
    publisher.join();
    for (const auto& line : times.of) {
      REQUIRE(line.size() == 50);
      for (int64_t i = 0; i < 50; ++i)
        CHECK(line[static_cast<size_t>(i)] == i * 20 + (promised && i >= 25 ? 3'600'000 : 0));
    }
    CHECK(times.discontinuities == (promised ? 0 : 2));
  }
}

TEST_CASE("a bus that is joined again after a jump goes on from where it was") {
  const RuntimeDir dir;
  FakeBus bus("demo");
  std::thread publisher([&] {
    bus.serve(1, 5000, false, 50, {25, 3'600'000});
    bus.serve(2, 77000, true, 50, {25, 10'000'000});
  });
  const Times times("bus:demo");
  publisher.join();
  REQUIRE(times.of[0].size() == 100);
  for (int64_t i = 0; i < 100; ++i)
    CHECK(std::abs(times.of[0][static_cast<size_t>(i)] - i * 20) <= 20);
  CHECK(times.of[1].size() == 50);
}

TEST_CASE("a gap in a file stays") {
  const RuntimeDir dir;
  const std::string path = dir.path + "/a.nut";
  {
    const os::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    write_nut(file.get(), 2, 0, 50, {25, 30'000});
  }
  const Times times(path);
  REQUIRE(times.of[0].size() == 50);
  CHECK(times.of[0].back() == 49 * 20 + 30'000);
  CHECK(times.discontinuities == 0);
}

TEST_CASE("a track without packets does not hold the others up") {
  const RuntimeDir dir;
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const os::Fd out(ends[1]);
  const std::string path = "/dev/fd/" + std::to_string(ends[0]);
  av::Output output("nut", av::Tracks(2, sound()), [&](Bytes b) { os::write_all(out.get(), b); });
  // Less than two seconds, and the pipe stays open: a reader that waited for the other track would
  // hang.
  std::thread writer([&] {
    for (int i = 0; i < 80; ++i) output.write(nut_packet(0, i * 20));
  });
  MediaInput input(path);
  for (int i = 0; i < 40; ++i) CHECK(std::holds_alternative<av::Packet>(input.read()));
  input.interrupt();
  ::close(ends[0]);
  writer.join();
}

TEST_CASE("a dead bus name is an error that lists the live ones") {
  const RuntimeDir dir;
  FakeBus bus("wedding");
  try {
    MediaInput input("bus:weding", {std::chrono::milliseconds(50), nullptr});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::kNotRunning);
    CHECK(std::string(error.what()) == "cannot read bus:weding: no such stream is live");
    CHECK(error.hint() == "live now: bus:wedding");
  }
  CHECK_THROWS_AS(MediaInput("bus:../x"), Error);
}

TEST_CASE("a reader that waits for a bus can be interrupted") {
  const RuntimeDir dir;
  const auto interrupter = std::make_shared<av::Input::Interrupter>();
  interrupter->interrupt();
  CHECK_THROWS_AS(MediaInput("bus:demo", {std::chrono::hours(1), interrupter}), Error);
}
