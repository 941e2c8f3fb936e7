// A day of recording in virtual time.
#include <doctest/doctest.h>

#include <cmath>

#include "av/input.h"
#include "record/recorder.h"
#include "support.h"

using namespace stream;

namespace {

constexpr int kHours = 6;
constexpr int64_t kSamples = 20 * 1024;  // of a packet: twenty of AAC are one here, for speed
constexpr double kClockError = 50e-6;    // the sound's samples last that much longer

av::Packet tiny(int track, int64_t time, int64_t duration) {
  av::Packet packet;
  packet.track = track;
  packet.dts = packet.pts = time;
  packet.duration = duration;
  packet.key = true;
  packet.data = Buffer::copy(std::vector<uint8_t>{0, 0, 0, 2, 0x65, 0x55});
  return packet;
}

int64_t sound_time(int64_t n) {
  return std::llround(static_cast<double>(n * kSamples) * (1 + kClockError));
}

}  // namespace

// C11. Who added up the samples' own durations would be 1.08 s off at the end.
TEST_CASE("Recorder: sound whose clock is 50 ppm off is in sync after six hours") {
  TempDir dir;
  media::RecorderOptions options;
  options.output = dir.path;
  options.name = "demo";
  options.wait = true;
  std::string path;
  media::RecorderEvents events;
  events.opened = [&](const media::RecordedFile& file) { path = file.path; };
  media::Recorder recorder(options, events);
  recorder.set_tracks(recording::tracks());
  int64_t sounds = 0;
  for (int64_t second = 0; second < kHours * 3600; ++second) {
    REQUIRE(recorder.push(tiny(0, second * 90000, 90000)));
    for (; sound_time(sounds) < (second + 1) * 48000; ++sounds)
      REQUIRE(recorder.push(tiny(1, sound_time(sounds), kSamples)));
  }
  recorder.finish("stopped");

  av::Input input = av::Input::open(path);
  int64_t pictures = 0, heard = 0;
  double worst = 0;
  const auto& tracks = input.tracks();
  while (const auto packet = input.read()) {
    const Rational base = tracks[static_cast<size_t>(packet->track)].time_base;
    const double seconds = static_cast<double>(packet->dts) * base.num / base.den;
    const double meant = packet->track == 0 ? static_cast<double>(pictures++)
                                            : static_cast<double>(sound_time(heard++)) / 48000;
    worst = std::max(worst, std::abs(seconds - meant));
  }
  CHECK(pictures == kHours * 3600);
  CHECK(heard == sounds);
  CHECK(worst < 0.001);
}
