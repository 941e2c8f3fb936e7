#include "ladder/picture_clock.h"

#include <algorithm>

#include "ladder/plan.h"

namespace stream::media {

void PictureClock::start(GridPtr grid, Rational frame_rate, bool limit_rate) {
  grid_ = std::move(grid);
  fresh_ = true;
  limit_ = limit_rate;
  interval_ = frame_rate.known() ? static_cast<int64_t>(kLadderSecond / frame_rate.value())
                                 : kLadderSecond / 30;
  usual_ = interval_;
}

std::vector<int64_t> PictureClock::repeats(int64_t pts) const {
  std::vector<int64_t> times;
  if (!grid_ || !grid_->regular()) return times;
  if (fresh_ && pts - grid_->origin() <= kLadderSecond / 2) return times;
  if (!fresh_ && pts - last_ <= 3 * std::max(interval_, usual_)) return times;
  if (fresh_) times.push_back(grid_->origin());
  int64_t newest = fresh_ ? grid_->origin() : last_;
  for (int64_t n = grid_->index(newest) + 1; grid_->start(n) <= pts; n++) {
    const int64_t start = grid_->start(n);
    // The pictures before it are there for its decoding time, see Rung::decode_time().
    for (int back = kReorder; back >= 0; back--) {
      const int64_t time = start - back * interval_;
      if (time - newest < interval_ / 2 || pts - time < interval_ / 2) continue;
      times.push_back(time);
      newest = time;
    }
  }
  return times;
}

bool PictureClock::wants(int64_t pts) {
  if (last_ == kNoTime || (fresh_ && pts > last_)) return true;
  const int64_t step = pts - last_;
  const int64_t index = grid_->index(pts);
  const bool starts_segment = index != grid_->index(last_);
  const bool before_segment =
      grid_->regular() && grid_->start(index + 1) - pts < (2 * kReorder + 1) * interval_ / 2;
  odd_ = !odd_;
  // A little less than 1/60 s: rounded times must not cost a picture.
  const bool too_dense = limit_ && step < kLadderSecond / (kMaxFrameRate + 1);
  const bool halved = halve_ && odd_ && !before_segment;
  if (step > 0 && (starts_segment || (!too_dense && !halved))) {
    if (step < kLadderSecond) usual_ += (step - usual_) / 8;
    return true;
  }
  left_out_++;
  return false;
}

}  // namespace stream::media
