// Where segments begin: at the first picture at or after each multiple of the segment's length from
// the epoch's origin. By time, never by count, so that every rendition cuts alike whatever was
// dropped. When the source's own keyframes lead (a copied rung), the cuts are told one by one.
// Shared by all threads of a ladder.
#pragma once
#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

#include "ladder/types.h"

namespace stream::media {

class Grid {
 public:
  enum class Leader {
    kClock,     // multiples of the segment; nothing has to be waited for (sound only)
    kPicture,   // the same, but an epoch may end where the picture says
    kKeyframes  // cuts are told by keyframe()
  };
  // `segment` in ticks of kLadderBase.
  Grid(int64_t origin, int64_t segment, Leader leader)
      : origin_(origin), segment_(segment), leader_(leader) {}

  // The segment that `pts` belongs to. What lies before the origin belongs to segment 0.
  int64_t index(int64_t pts) const {
    if (leader_ != Leader::kKeyframes) return pts < origin_ ? 0 : (pts - origin_) / segment_;
    std::lock_guard lock(mutex_);
    int64_t n = static_cast<int64_t>(cuts_.size());
    while (n > 0 && cuts_[static_cast<size_t>(n - 1)] > pts) n--;
    return n;
  }
  // False while a cut or the epoch's end at or before `pts` may still be told.
  bool known(int64_t pts) const {
    if (leader_ == Leader::kClock) return true;
    std::lock_guard lock(mutex_);
    return pts < known_until_;
  }

  // A keyframe of the source, in order. True when a segment begins with it: the segment before it
  // lasts at least what was asked for, less half a second of grace for keyframes that wobble.
  bool keyframe(int64_t pts) {
    std::lock_guard lock(mutex_);
    const int64_t last = cuts_.empty() ? origin_ : cuts_.back();
    const int64_t grace = std::min<int64_t>(segment_ / 4, kLadderSecond / 2);
    if (pts <= origin_ || pts - last < segment_ - grace) return false;
    cuts_.push_back(pts);
    return true;
  }
  // The picture has come this far: nothing will be told of what lies before `pts`.
  void passed(int64_t pts) {
    std::lock_guard lock(mutex_);
    known_until_ = std::max(known_until_, pts);
  }

  int64_t origin() const { return origin_; }
  int64_t segment() const { return segment_; }
  bool regular() const { return leader_ != Leader::kKeyframes; }
  // Where segment `n` begins on the regular grid.
  int64_t start(int64_t n) const { return origin_ + n * segment_; }

 private:
  const int64_t origin_, segment_;
  const Leader leader_;
  mutable std::mutex mutex_;
  std::vector<int64_t> cuts_;
  int64_t known_until_ = INT64_MIN;
};
using GridPtr = std::shared_ptr<Grid>;

}  // namespace stream::media
