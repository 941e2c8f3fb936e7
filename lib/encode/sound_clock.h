// Puts decoded sound on a clock without holes: what is missing becomes silence, what is double is
// dropped, what is off by less than a lip can tell stays as it is. Makes frames of one length for
// an encoder. One thread.
#pragma once
#include <optional>
#include <vector>

#include "av/frame.h"

namespace stream::media {

class SoundClock {
 public:
  SoundClock(int sample_rate, int channels, int frame_samples);

  // Nothing before `at` is made. The first call starts the clock; later ones fill up to `at`.
  void start(int64_t at);
  // Planar float of the clock's rate; `pts` in samples.
  void add(const av::Frame& frame, int64_t pts);
  // With silence, a second at most at a time; no effect when that far already.
  void fill_until(int64_t at);

  // A whole frame, its pts in samples; `rest`: also the last, short one.
  std::optional<av::Frame> take(bool rest = false);

  int64_t position() const { return start_ + static_cast<int64_t>(samples_[0].size()); }
  bool started() const { return started_; }
  int64_t silence() const { return silence_; }  // samples that were missing
  int64_t dropped() const { return dropped_; }

 private:
  void append_silence(int64_t count);

  const int sample_rate_, frame_samples_;
  const int64_t tolerance_;
  std::vector<std::vector<float>> samples_;  // per channel, from `start_` on
  int64_t start_ = 0;
  bool started_ = false;
  int64_t silence_ = 0, dropped_ = 0;
};

}  // namespace stream::media
