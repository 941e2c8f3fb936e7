// How long to wait before the next try: exponential with full jitter, so that many clients of a
// server that comes back don't come at once. Pure.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace stream::net {

class Backoff {
 public:
  using Duration = std::chrono::milliseconds;

  Backoff(Duration first, Duration most, uint32_t seed)
      : first_(first), most_(most), random_(seed) {}

  // Between kFloor and the bound, which doubles from `first` to `most`.
  Duration next() {
    const Duration bound = failures_ < 20 ? std::min(most_, first_ * (1 << failures_)) : most_;
    ++failures_;
    std::uniform_int_distribution<int64_t> pick(0, bound.count());
    return std::max(Duration(pick(random_)), kFloor);
  }
  void reset() { failures_ = 0; }
  int failures() const { return failures_; }

 private:
  static constexpr Duration kFloor{200};
  Duration first_, most_;
  std::mt19937 random_;
  int failures_ = 0;
};

}  // namespace stream::net
