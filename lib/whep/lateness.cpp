#include "whep/lateness.h"

#include <algorithm>
#include <chrono>

namespace stream::whep {
namespace {

using namespace std::chrono_literals;

constexpr size_t kMeasureEach = 16;  // pictures
constexpr double kAllBut = 0.03;
constexpr Nanoseconds kMost = 200ms;
// One that is so much earlier than all before it: those came from a cache, or by a slower way.
constexpr Nanoseconds kEarlier = 5ms;
constexpr Nanoseconds kOtherTimes = 2s;

}  // namespace

void Lateness::add(Nanoseconds shown, Nanoseconds now) {
  const Nanoseconds behind = now - shown;
  if (count_ > 0 && (behind < least_ - kEarlier || behind > least_ + kOtherTimes)) count_ = 0;
  if (count_ == 0) usual_ = 0ns;
  least_ = count_ == 0 ? behind : std::min(least_, behind);
  behind_[count_++ % behind_.size()] = behind;
  if (count_ % kMeasureEach == 0) measure();
}

void Lateness::measure() {
  const size_t filled = std::min(count_, behind_.size());
  auto sorted = behind_;
  const auto end = sorted.begin() + static_cast<ptrdiff_t>(filled);
  std::sort(sorted.begin(), end);
  least_ = sorted.front();
  const auto few = static_cast<ptrdiff_t>(kAllBut * static_cast<double>(filled));
  usual_ = std::min(*(end - 1 - few) - least_, kMost);
}

}  // namespace stream::whep
