// Which pictures are encoded and when: times strictly increase, no more than 60 a second, every
// second one left out on demand, and a picture that stands still is repeated where a segment has to
// begin. Pure: times in, times out, in kLadderBase.
#pragma once
#include <optional>
#include <vector>

#include "ladder/grid.h"

namespace stream::media {

class PictureClock {
 public:
  void start(GridPtr grid, Rational frame_rate, bool limit_rate);
  void halve(bool on) { halve_ = on; }

  // Times at which the last picture has to be shown again before one at `pts`, or, without a
  // picture, while everything else is at `pts` already.
  std::vector<int64_t> repeats(int64_t pts) const;
  // True when the picture at `pts` is to be encoded.
  bool wants(int64_t pts);
  // A picture was encoded at `pts`.
  void took(int64_t pts) {
    last_ = pts;
    fresh_ = false;
  }

  bool any() const { return last_ != kNoTime; }
  int64_t last() const { return last_; }
  uint64_t left_out() const { return left_out_; }

 private:
  GridPtr grid_;
  int64_t interval_ = 3000, usual_ = 3000;  // nominal, and as of late
  int64_t last_ = kNoTime;
  bool fresh_ = true;  // no picture of this epoch yet
  bool limit_ = false, halve_ = false, odd_ = false;
  uint64_t left_out_ = 0;
};

}  // namespace stream::media
