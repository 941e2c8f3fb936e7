#include "rtp/arrivals.h"

#include <algorithm>

namespace stream::rtp {
namespace {

constexpr size_t kMaxKept = 2048;   // arrivals, reported or not
constexpr int64_t kMaxStep = 1000;  // of numbers: a further one begins anew
constexpr int64_t kKeep = 500 * 4;  // of time: half a second
constexpr int64_t kUnitsPerReference = 64 * 4;

}  // namespace

void Arrivals::record(uint16_t sequence, Nanoseconds now) {
  const int64_t number = numbers_(sequence);
  if (!at_.empty() && std::abs(number - at_.rbegin()->first) > kMaxStep) {
    at_.clear();
    next_.reset();
  }
  const int64_t time = now.count() / kFeedbackUnit.count();
  if (!at_.emplace(number, time).second) return;  // once more: the first counts
  next_ = next_ ? std::min(*next_, number) : number;
  const auto is_old = [&](const auto& one) {
    return one.first < *next_ && time - one.second > kKeep;
  };
  while (at_.size() > kMaxKept || (at_.size() > 1 && is_old(*at_.begin()))) at_.erase(at_.begin());
}

std::optional<TransportFeedback> Arrivals::feedback() {
  if (!next_) return std::nullopt;
  auto one = at_.lower_bound(*next_);
  if (one == at_.end()) return std::nullopt;
  if (one->first - *next_ >= static_cast<int64_t>(kMaxReported)) next_ = one->first;
  TransportFeedback feedback;
  feedback.base = static_cast<uint16_t>(*next_);
  const int64_t reference = one->second / kUnitsPerReference;
  feedback.reference = static_cast<uint32_t>(reference & 0xffffff);
  feedback.count = count_++;
  int64_t before = reference * kUnitsPerReference;
  for (; one != at_.end(); ++one) {
    const int64_t delta = one->second - before;
    const auto missing = static_cast<size_t>(one->first - *next_);
    if (delta < INT16_MIN || delta > INT16_MAX) break;  // the next feedback has its own reference
    if (feedback.deltas.size() + missing >= kMaxReported) break;
    feedback.deltas.resize(feedback.deltas.size() + missing);
    feedback.deltas.emplace_back(static_cast<int16_t>(delta));
    before = one->second;
    next_ = one->first + 1;
  }
  return feedback;
}

}  // namespace stream::rtp
