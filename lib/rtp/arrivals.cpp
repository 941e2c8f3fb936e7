#include "rtp/arrivals.h"

#include <algorithm>

namespace stream::rtp {
namespace {

constexpr int64_t kMaxKept = 2048;  // numbers, a power of two
constexpr int64_t kMaxStep = 1000;  // of numbers: a further one begins anew
constexpr int64_t kKeep = 500 * 4;  // of time: half a second
constexpr int64_t kUnitsPerReference = 64 * 4;
constexpr int64_t kMissing = INT64_MIN;

}  // namespace

int64_t& Arrivals::at(int64_t number) {
  return ring_[static_cast<size_t>(number & (kMaxKept - 1))];
}

void Arrivals::begin(int64_t number) {
  ring_.assign(kMaxKept, kMissing);
  first_ = end_ = number;
  next_.reset();
}

// What has been reported long ago; and what is missing before all that is kept.
void Arrivals::drop_old(int64_t time) {
  while (end_ - first_ > 1) {
    int64_t& one = at(first_);
    if (one != kMissing && (first_ >= *next_ || time - one <= kKeep)) return;
    one = kMissing;
    ++first_;
  }
}

void Arrivals::record(uint16_t sequence, Nanoseconds now) {
  const int64_t number = numbers_(sequence);
  if (ring_.empty() || std::abs(number - first_) > kMaxStep + kMaxKept ||
      std::abs(number - (end_ - 1)) > kMaxStep)
    begin(number);
  if (number < first_) {
    if (end_ - number > kMaxKept) return;
    first_ = number;
  }
  end_ = std::max(end_, number + 1);
  for (; end_ - first_ > kMaxKept; ++first_) at(first_) = kMissing;
  int64_t& one = at(number);
  if (one != kMissing) return;  // once more: the first counts
  one = now.count() / kFeedbackUnit.count();
  next_ = next_ ? std::min(*next_, number) : number;
  drop_old(one);
}

std::optional<TransportFeedback> Arrivals::feedback() {
  if (!next_) return std::nullopt;
  int64_t number = std::max(*next_, first_);
  while (number < end_ && at(number) == kMissing) ++number;
  if (number >= end_) return std::nullopt;
  if (number - *next_ >= static_cast<int64_t>(kMaxReported)) next_ = number;
  TransportFeedback feedback;
  feedback.base = static_cast<uint16_t>(*next_);
  const int64_t reference = at(number) / kUnitsPerReference;
  feedback.reference = static_cast<uint32_t>(reference & 0xffffff);
  feedback.count = count_++;
  int64_t before = reference * kUnitsPerReference;
  for (; number < end_; ++number) {
    const int64_t time = at(number);
    if (time == kMissing) continue;
    const int64_t delta = time - before;
    const auto missing = static_cast<size_t>(number - *next_);
    if (delta < INT16_MIN || delta > INT16_MAX) break;  // the next feedback has its own reference
    if (feedback.deltas.size() + missing >= kMaxReported) break;
    feedback.deltas.resize(feedback.deltas.size() + missing);
    feedback.deltas.emplace_back(static_cast<int16_t>(delta));
    before = time;
    next_ = number + 1;
  }
  return feedback;
}

}  // namespace stream::rtp
