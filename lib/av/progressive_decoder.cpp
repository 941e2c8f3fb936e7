#include "av/progressive_decoder.h"

#include <utility>

namespace stream::av {

void ProgressiveDecoder::finish() {
  decoder_.finish();
  finishing_ = true;
}

std::optional<Frame> ProgressiveDecoder::receive() {
  for (;;) {
    if (deinterlacer_) {
      if (auto made = deinterlacer_->pull()) return made;
      if (next_) deinterlacer_.reset();
    }
    std::optional<Frame> frame = next_ ? std::exchange(next_, std::nullopt) : decoder_.receive();
    if (!frame) {
      if (!deinterlacer_ || !finishing_ || std::exchange(emptied_, true)) return std::nullopt;
      deinterlacer_->finish();
      continue;
    }
    if (!deinterlacer_) {
      if (!frame->interlaced()) return frame;
      deinterlacer_.emplace(*frame, time_base_);
    }
    if (deinterlacer_->fits(*frame)) {
      deinterlacer_->push(*frame);
    } else {
      deinterlacer_->finish();
      next_ = std::move(frame);
    }
  }
}

}  // namespace stream::av
