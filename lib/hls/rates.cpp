#include "hls/rates.h"

#include <algorithm>
#include <cmath>

namespace stream::hls {
namespace {

uint64_t rate(uint64_t bytes, Nanoseconds time) {
  return time.count() > 0 ? static_cast<uint64_t>(std::ceil(static_cast<double>(bytes) * 8e9 /
                                                            static_cast<double>(time.count())))
                          : 0;
}

}  // namespace

// Peak: the largest rate of a contiguous run of 0.5 to 1.5 target durations.
void RateMeter::add(Nanoseconds duration, uint64_t bytes, Nanoseconds target) {
  time_ += duration;
  bytes_ += bytes;
  run_.emplace_back(duration, bytes);
  Nanoseconds whole{};
  for (const auto& segment : run_) whole += segment.first;
  while (run_.size() > 1 && whole > target * 3 / 2) {
    whole -= run_.front().first;
    run_.pop_front();
  }
  Nanoseconds time{};
  uint64_t size = 0;
  for (auto at = run_.rbegin(); at != run_.rend(); ++at) {
    time += at->first;
    size += at->second;
    if (time >= target / 2) peak_ = std::max(peak_, rate(size, time));
  }
}

Rates RateMeter::rates() const {
  const uint64_t average = rate(bytes_, time_);
  return {std::max(peak_, average), average};
}

}  // namespace stream::hls
