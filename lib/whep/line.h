// The line of time on which a stream is shown: RTP timestamps are places on it. One for all rungs
// of a ladder, as their times are the same. And how many bits a second come along it. Pure.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.h"
#include "whep/sound_clock.h"

namespace stream::whep {

class Line {
 public:
  // Bases of timestamps should not be guessed. `shared`: by the rungs of a ladder.
  Line(Nanoseconds now, uint32_t video_base, uint32_t audio_base, bool shared)
      : origin_(now), video_base_(video_base), audio_base_(audio_base), shared_(shared) {}

  // Where the source's `time` stands. `again`: the source broke off before; its times may be others
  // now, which is found out once for all that share the line.
  Nanoseconds place(Nanoseconds time, bool again, Nanoseconds now);
  uint32_t video(Nanoseconds at) const { return video_base_ + ticks(at, 90000); }
  uint32_t sound(Nanoseconds at, uint32_t samples) {
    return clock_.stamp(audio_base_ + ticks(at, 48000), samples);
  }
  // What the RTP clock of a track shows now.
  uint32_t clock(bool video, Nanoseconds now) const;

 private:
  static uint32_t ticks(Nanoseconds at, int64_t rate) {
    return static_cast<uint32_t>(rescale(at.count(), kNanosecondBase, {1, rate}));
  }
  Nanoseconds origin_;
  uint32_t video_base_, audio_base_;
  bool shared_;
  std::optional<Nanoseconds> offset_;  // of the source's times
  Nanoseconds offset_since_{0};
  SoundClock clock_;
};

class RateMeter {
 public:
  void add(Nanoseconds at, size_t bytes);  // `at` in the source's time
  void clear() { *this = {}; }
  int64_t bps() const noexcept { return bps_; }

 private:
  struct Past {
    Nanoseconds at;
    size_t bytes;
  };
  std::deque<Past> past_;
  size_t bytes_ = 0;
  int64_t bps_ = 0;
};

}  // namespace stream::whep
