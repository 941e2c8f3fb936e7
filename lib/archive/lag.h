// How long things took, of the last 1,024 of them.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace stream::archive {

class Lag {
 public:
  void add(Nanoseconds time) {
    if (last_.size() < kKept)
      last_.push_back(time);
    else
      last_[count_ % kKept] = time;
    ++count_;
  }
  uint64_t count() const { return count_; }
  // The smallest that at least `share` of them do not exceed; 0 without any.
  Nanoseconds quantile(double share) const {
    if (last_.empty()) return {};
    std::vector<Nanoseconds> sorted = last_;
    const auto rank =
        static_cast<size_t>(share * static_cast<double>(sorted.size() - 1) + 0.999999);
    const auto at = sorted.begin() + static_cast<ptrdiff_t>(std::min(rank, sorted.size() - 1));
    std::nth_element(sorted.begin(), at, sorted.end());
    return *at;
  }

 private:
  static constexpr size_t kKept = 1024;
  std::vector<Nanoseconds> last_;
  uint64_t count_ = 0;
};

}  // namespace stream::archive
