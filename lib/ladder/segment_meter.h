// The rates of a rendition that is in no files: those of the segments that it would have. Pure.
#pragma once
#include <cstddef>
#include <cstdint>

#include "hls/rates.h"
#include "ladder/types.h"

namespace stream::media {

class SegmentMeter {
 public:
  explicit SegmentMeter(Nanoseconds segment) : target_(segment) {}

  // What is first shown at `pts` of segment `n`, in kLadderBase. True: a segment was completed.
  bool add(int64_t n, int64_t pts, size_t bytes) {
    const bool completed = n != segment_ && segment_ >= 0 && pts > start_;
    if (completed)
      meter_.add(Nanoseconds(rescale(pts - start_, kLadderBase, kNanosecondBase)), bytes_, target_);
    if (n != segment_) {
      segment_ = n;
      start_ = pts;
      bytes_ = 0;
    }
    bytes_ += bytes;
    return completed;
  }
  // What comes next does not follow: what is there of its segment does not count.
  void end() {
    segment_ = -1;
    meter_.gap();
  }
  hls::Rates rates() const { return meter_.rates(); }

 private:
  const Nanoseconds target_;
  hls::RateMeter meter_;
  int64_t segment_ = -1, start_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace stream::media
