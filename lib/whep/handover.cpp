#include "whep/handover.h"

#include <chrono>
#include <utility>

namespace stream::whep {
namespace {

// Its key frame may come so much later; otherwise it is given up.
constexpr Nanoseconds kOtherLate = std::chrono::seconds(1);
// The rung that is shown may be so much behind; otherwise it has stopped, and nothing is missed.
constexpr Nanoseconds kShownLate = std::chrono::milliseconds(500);

bool is_before(uint32_t a, uint32_t b) {
  return static_cast<int32_t>(a - b) < 0;
}

}  // namespace

void Handover::wish(bool wanted, Units& out) {
  release(out);
  next_.clear();
  wanted_ = wanted;
}

void Handover::begun(uint32_t timestamp) {
  held_.clear();
  next_.clear();
  last_ = timestamp;
}

void Handover::release(Units& out) {
  for (const UnitPtr& unit : std::exchange(held_, {})) pass(unit, out);
}

void Handover::pass(const UnitPtr& unit, Units& out) {
  last_ = unit->timestamp;
  out.push_back(unit);
}

bool Handover::go_over(Units& out) {
  for (const UnitPtr& unit : std::exchange(next_, {})) pass(unit, out);
  held_.clear();
  wanted_ = false;
  return true;
}

bool Handover::shown(const UnitPtr& unit, Nanoseconds now, Units& out) {
  if (!next_.empty()) {
    if (!is_before(unit->timestamp, next_.front()->timestamp)) return go_over(out);
    pass(unit, out);
    return false;
  }
  if (wanted_ && held_.empty() && unit->key) held_since_ = now;
  if (!wanted_ || (held_.empty() && !unit->key)) {
    pass(unit, out);
    return false;
  }
  held_.push_back(unit);
  if (now - held_since_ < kOtherLate) return false;
  release(out);
  wanted_ = false;
  return false;
}

bool Handover::other(const UnitPtr& unit, Nanoseconds now, Units& out) {
  if (!wanted_) return false;
  if (!next_.empty()) {
    next_.push_back(unit);
    return now - next_since_ >= kShownLate && go_over(out);
  }
  if (!unit->key || (last_ && !is_before(*last_, unit->timestamp))) return false;
  next_since_ = now;
  next_.push_back(unit);
  const bool there = !held_.empty() && !is_before(held_.back()->timestamp, unit->timestamp);
  std::erase_if(held_,
                [&](const UnitPtr& one) { return !is_before(one->timestamp, unit->timestamp); });
  release(out);
  return there && go_over(out);
}

}  // namespace stream::whep
