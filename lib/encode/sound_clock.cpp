#include "encode/sound_clock.h"

#include <algorithm>
#include <cstring>

namespace stream::media {
namespace {

// Half a frame of AAC less a margin; container time stamps wobble by 1 to 10 ms.
constexpr int64_t kToleranceMs = 15;

}  // namespace

SoundClock::SoundClock(int sample_rate, int channels, int frame_samples)
    : sample_rate_(sample_rate),
      frame_samples_(frame_samples),
      tolerance_(sample_rate * kToleranceMs / 1000),
      samples_(static_cast<size_t>(channels)) {}

void SoundClock::start(int64_t at) {
  if (started_) return fill_until(at);
  started_ = true;
  start_ = at;
}

void SoundClock::append_silence(int64_t count) {
  for (auto& channel : samples_) channel.insert(channel.end(), static_cast<size_t>(count), 0.0f);
  silence_ += count;
}

void SoundClock::fill_until(int64_t at) {
  // In steps of a second, each followed by take(): a long hole is not one large allocation.
  const int64_t missing = std::min<int64_t>(at - position(), sample_rate_);
  if (started_ && missing > 0) append_silence(missing);
}

void SoundClock::add(const av::Frame& frame, int64_t pts) {
  if (!started_) start(pts);
  int64_t skip = 0;
  const int64_t off = pts - position();
  if (off > tolerance_)
    fill_until(pts);
  else if (off < -tolerance_)
    skip = std::min<int64_t>(-off, frame.samples());
  dropped_ += skip;
  for (size_t c = 0; c < samples_.size(); c++) {
    const float* from = frame.channel(static_cast<int>(c));
    samples_[c].insert(samples_[c].end(), from + skip, from + frame.samples());
  }
}

std::optional<av::Frame> SoundClock::take(bool rest) {
  const size_t there = samples_[0].size();
  const size_t want = static_cast<size_t>(frame_samples_);
  if (there == 0 || (there < want && !rest)) return std::nullopt;
  const size_t count = std::min(there, want);
  av::Frame frame =
      av::Frame::sound(sample_rate_, static_cast<int>(samples_.size()), static_cast<int>(count));
  for (size_t c = 0; c < samples_.size(); c++) {
    std::memcpy(frame.channel(static_cast<int>(c)), samples_[c].data(), count * sizeof(float));
    samples_[c].erase(samples_[c].begin(), samples_[c].begin() + static_cast<ptrdiff_t>(count));
  }
  frame.set_pts(start_);
  start_ += static_cast<int64_t>(count);
  return frame;
}

}  // namespace stream::media
