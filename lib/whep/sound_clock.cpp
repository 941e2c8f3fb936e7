#include "whep/sound_clock.h"

namespace stream::whep {
namespace {

constexpr int32_t kHole = 480;  // 10 ms of 48 kHz: half of the usual packet
constexpr int32_t kFar = 48000;

}  // namespace

uint32_t SoundClock::stamp(uint32_t at, uint32_t samples) {
  const auto ahead = static_cast<int32_t>(at + shift_ - next_);  // of what was sent
  const auto drift = static_cast<int32_t>(next_ - at);
  const bool far = drift > kFar || drift < -kFar;
  if (!begun_ || samples == 0 || ahead >= kHole || far) {
    // As the source has it; a hole that is small beside what was drawn together till now too.
    if (!begun_ || far) shift_ = 0;
    next_ = at + shift_;
  } else {
    shift_ = next_ - at;
  }
  begun_ = true;
  const uint32_t stamp = next_;
  next_ += samples;
  return stamp;
}

}  // namespace stream::whep
