// Decoding times for a track whose container stores presentation times only (NUT): with a reorder
// depth of n, a picture's decoding time is the smallest presentation time among it and the n
// largest before it. A picture that is far off is reckoned for itself, so that one wrong time does
// not bend those of the pictures behind it; where the next ones follow it, time goes on from there.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "base/time.h"

namespace stream::av {

class Reorder {
 public:
  // depth: pictures by which decoding runs ahead of display, 0 for none.
  Reorder(int depth, Rational frame_rate, Rational time_base)
      : depth_(static_cast<size_t>(std::clamp(depth, 0, 16))), far_(rescale(5, {1, 1}, time_base)) {
    const Rational frame =
        frame_rate.known() ? Rational{frame_rate.den, frame_rate.num} : Rational{1, 30};
    frame_ = std::max<int64_t>(1, rescale(1, frame, time_base));
  }

  // Strictly increasing over calls, but where the presentation times jump; at most `pts` whenever
  // the depth is true.
  int64_t dts(int64_t pts) {
    if (!is_far(pts, now_)) {
      beside_ = {};
      return step(now_, pts);
    }
    if (is_far(pts, beside_)) beside_ = {};
    const bool goes_on = beside_.last != kNoTime;
    const int64_t dts = step(beside_, pts);
    if (goes_on) now_ = std::exchange(beside_, {});
    return dts;
  }

 private:
  struct Line {
    int64_t last = kNoTime;
    std::vector<int64_t> window;  // sorted, `depth_` entries between calls
  };

  bool is_far(int64_t pts, const Line& line) const {
    return line.last != kNoTime && std::abs(pts - line.last) > far_;
  }
  int64_t step(Line& line, int64_t pts) const {
    std::vector<int64_t>& window = line.window;
    if (window.empty())  // decoding starts `depth` pictures before the first one is shown
      for (size_t i = depth_; i > 0; --i) window.push_back(pts - static_cast<int64_t>(i) * frame_);
    window.insert(std::upper_bound(window.begin(), window.end(), pts), pts);
    const int64_t smallest = window.front();
    window.erase(window.begin());
    line.last = line.last == kNoTime ? smallest : std::max(smallest, line.last + 1);
    return line.last;
  }

  size_t depth_;
  int64_t far_, frame_;
  Line now_, beside_;  // `beside_`: of the picture before, which was far from `now_`
};

}  // namespace stream::av
