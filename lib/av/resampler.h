// Any sound to planar float of one rate and channel count. Does not place sound in time: what comes
// out is as long as what went in. One thread.
#pragma once
#include <memory>

#include "av/frame.h"

namespace stream::av {

class Resampler {
 public:
  Resampler(int sample_rate, int channels);
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;
  ~Resampler();

  // Takes another rate, layout or format at any frame (the filter's tail is then lost: < 1 ms). The
  // result has no time; it may be an empty Frame. Throws Error kUnsupported "sound.format".
  Frame convert(const Frame& in);
  // What is still in the filter.
  Frame flush();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stream::av
