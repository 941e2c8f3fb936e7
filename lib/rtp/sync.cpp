#include "rtp/sync.h"

#include <algorithm>
#include <cstdlib>

namespace stream::rtp {
namespace {

// Of media time per media time: 20 ms in a second, which neither ear nor eye takes for a fault.
constexpr int64_t kDraw = 50;
constexpr Nanoseconds kFar =
    std::chrono::seconds(5);  // reports that differ so much are not believed

Nanoseconds line(int64_t time, int64_t clock_rate) {
  return Nanoseconds(rescale(time, Rational{1, clock_rate}, kNanosecondBase));
}

}  // namespace

size_t Sync::add(int clock_rate) {
  Track track;
  track.clock_rate = clock_rate;
  tracks_.push_back(track);
  return tracks_.size() - 1;
}

Nanoseconds Sync::place(size_t number, int64_t time, Nanoseconds arrived) {
  Track& track = tracks_.at(number);
  const Nanoseconds media = line(time, track.clock_rate);
  if (!started_) {
    started_ = true;
    origin_ = arrived;
  }
  if (!track.started) {
    track.started = true;
    track.offset = track.target = arrived - origin_ - media;
    track.at = media;
    aim();
  }
  const Nanoseconds step = media - track.at;
  if (step > Nanoseconds(0)) {
    const Nanoseconds most = step / kDraw;
    track.offset += std::clamp(track.target - track.offset, -most, most);
    track.at = media;
  }
  return media + track.offset;
}

void Sync::report(size_t number, int64_t time, uint64_t ntp) {
  Track& track = tracks_.at(number);
  const auto seconds = static_cast<int64_t>(ntp >> 32);
  const auto rest = static_cast<int64_t>((ntp & 0xffffffff) * 1'000'000'000 >> 32);
  const Nanoseconds wall(seconds * 1'000'000'000 + rest);
  track.sender = wall - line(time, track.clock_rate);
  track.reported = true;
  aim();
}

// The first track that runs and has reports keeps its place; the others are drawn to it.
void Sync::aim() {
  const Track* base = nullptr;
  for (Track& track : tracks_) {
    if (!track.started || !track.reported) continue;
    if (!base) {
      base = &track;
      continue;
    }
    const Nanoseconds target = track.sender - base->sender + base->target;
    if (std::chrono::abs(target - track.offset) < kFar) track.target = target;
  }
}

bool Sync::by_reports() const noexcept {
  return std::count_if(tracks_.begin(), tracks_.end(),
                       [](const Track& track) { return track.started && track.reported; }) >= 2;
}

Nanoseconds Sync::correction(size_t number) const {
  return tracks_.at(number).target - tracks_.at(number).offset;
}

}  // namespace stream::rtp
