#include "whep/line.h"

#include <chrono>

namespace stream::whep {
namespace {

// Rungs that broke off together come back within this.
constexpr Nanoseconds kTogether = std::chrono::seconds(5);
// A group of pictures begins with a large one: less than a few of them tell little.
constexpr Nanoseconds kMeasured = std::chrono::seconds(4), kLeast = std::chrono::seconds(1);

}  // namespace

Nanoseconds Line::place(Nanoseconds time, bool again, Nanoseconds now) {
  if (!offset_ || (again && !(shared_ && now - offset_since_ <= kTogether))) {
    offset_ = now - origin_ - time;
    offset_since_ = now;
  }
  return time + *offset_;
}

uint32_t Line::clock(bool video, Nanoseconds now) const {
  if (video) return this->video(now - origin_);
  return audio_base_ + ticks(now - origin_, 48000) + clock_.shift();
}

void RateMeter::add(Nanoseconds at, size_t bytes) {
  if (!past_.empty() && at < past_.back().at) clear();
  past_.push_back({at, bytes});
  bytes_ += bytes;
  while (at - past_.front().at > kMeasured) {
    bytes_ -= past_.front().bytes;
    past_.pop_front();
  }
  const double seconds =
      std::chrono::duration<double>(std::max(at - past_.front().at, kLeast)).count();
  bps_ = static_cast<int64_t>(8 * static_cast<double>(bytes_) / seconds);
}

}  // namespace stream::whep
