// Decoding times for a track whose container stores presentation times only (NUT): with a reorder
// depth of n, a picture's decoding time is the smallest presentation time among it and the n
// largest before it.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace stream::av {

class Reorder {
 public:
  // depth: pictures by which decoding runs ahead of display, 0 for none.
  Reorder(int depth, Rational frame_rate, Rational time_base)
      : depth_(static_cast<size_t>(std::clamp(depth, 0, 16))) {
    const Rational frame =
        frame_rate.known() ? Rational{frame_rate.den, frame_rate.num} : Rational{1, 30};
    frame_ = std::max<int64_t>(1, rescale(1, frame, time_base));
  }

  // Strictly increasing over calls; at most `pts` whenever the depth is true.
  int64_t dts(int64_t pts) {
    if (window_.empty())  // decoding starts `depth` pictures before the first one is shown
      for (size_t i = depth_; i > 0; --i) window_.push_back(pts - static_cast<int64_t>(i) * frame_);
    window_.insert(std::upper_bound(window_.begin(), window_.end(), pts), pts);
    const int64_t smallest = window_.front();
    window_.erase(window_.begin());
    last_ = last_ == kNoTime ? smallest : std::max(smallest, last_ + 1);
    return last_;
  }

 private:
  size_t depth_;
  int64_t frame_;
  int64_t last_ = kNoTime;
  std::vector<int64_t> window_;  // sorted, `depth_` entries between calls
};

}  // namespace stream::av
