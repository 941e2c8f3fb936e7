// How many sittings may begin within an hour, spread so that a way that breaks again and again is
// used again and again: half of the number at once, and then one each step. Pure.
#pragma once
#include <algorithm>
#include <deque>

#include "base/time.h"

namespace stream::media {

class SittingBudget {
 public:
  // `most` in any hour; 0: no bound.
  explicit SittingBudget(int most) : most_(most) {}

  // A sitting begins. One that was not to begin yet puts off the next by a step, and no longer.
  void spend(Nanoseconds now) {
    if (most_ <= 0) return;
    whole_at_ = std::min(std::max(whole_at_, now) + step(), now + at_once() * step());
    sittings_.push_back(now);
    while (now - sittings_.front() > kHour) sittings_.pop_front();
  }
  // When the next may begin; in the past: now.
  Nanoseconds next(Nanoseconds now) const {
    return most_ <= 0 ? now : whole_at_ - (at_once() - 1) * step();
  }
  size_t within_an_hour(Nanoseconds now) const {
    return static_cast<size_t>(std::count_if(sittings_.begin(), sittings_.end(),
                                             [now](Nanoseconds at) { return now - at <= kHour; }));
  }

 private:
  static constexpr Nanoseconds kHour = std::chrono::hours(1);
  int at_once() const { return (most_ + 1) / 2; }
  // With N of them: N/2 at once and N/2 in the hour that follows.
  Nanoseconds step() const { return std::min(kHour, 2 * kHour / most_); }

  const int most_;
  Nanoseconds whole_at_{0};           // when nothing of it is spent any more
  std::deque<Nanoseconds> sittings_;  // begun within the last hour
};

}  // namespace stream::media
