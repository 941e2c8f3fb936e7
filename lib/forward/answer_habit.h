// What a peer's application says of its reading, RTMP's acknowledgements, and when that has been
// missing for longer than its habit explains: a relay in between may take everything while the
// peer is gone. Pure.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>

#include "base/time.h"

namespace stream::media {

class AnswerHabit {
 public:
  // `said`: what it says to have read, in all; `arrived`: what the transport knows to be there.
  void look(uint64_t said, uint64_t arrived, Nanoseconds now) {
    if (said <= said_) return;
    // One answer is no habit: many peers say something at the start, and then once per window.
    if (said_ > 0) step_ = std::max(step_, arrived - std::min(arrived, arrived_));
    said_ = said;
    arrived_ = arrived;
    at_ = now;
  }

  // Nothing was said for `patience` at least, and two of its longest steps have arrived since; or
  // more than one step and a third when else it would take longer than kPromise to notice.
  bool missing(uint64_t arrived, Nanoseconds now, Nanoseconds patience) const {
    if (step_ == 0 || quiet(now) < patience) return false;
    const uint64_t since = arrived - std::min(arrived, arrived_);
    return since > 2 * step_ || (quiet(now) >= kPromise && since > step_ + step_ / 3);
  }
  Nanoseconds quiet(Nanoseconds now) const { return now - at_; }

 private:
  // 10 s less the time from one look to the next.
  static constexpr Nanoseconds kPromise = std::chrono::milliseconds(9200);

  uint64_t said_ = 0, arrived_ = 0;  // when it last said something
  uint64_t step_ = 0;                // the longest it has let us wait, in bytes
  Nanoseconds at_{0};
};

}  // namespace stream::media
