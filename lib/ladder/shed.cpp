#include "ladder/shed.h"

#include <algorithm>

namespace stream::media {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Nanoseconds kWindow = milliseconds(1500);  // behind for so long is not a burst
constexpr Nanoseconds kBehind = milliseconds(250);   // what a jittery network leaves to wait
constexpr Nanoseconds kCalm = seconds(10);           // as long as spare time is looked for
constexpr Nanoseconds kHold = seconds(20), kMaxHold = seconds(600);
constexpr double kDrain = 0.1;  // a backlog that shrinks by this much per second needs no more
// Spare share of the time that a step back needs: half the pictures are half of the work.
constexpr double kSpareForAll = 0.6, kSpareForRung = 0.55;

}  // namespace

Shedder::Change Shedder::look(const View& view) {
  if (views_.empty()) {
    changed_ = view.now;
    hold_ = kHold;
  }
  views_.push_back(view);
  while (views_.front().now < view.now - kCalm) views_.pop_front();

  const auto since = [&](Nanoseconds span) {
    return std::find_if(views_.begin(), views_.end(),
                        [&](const View& v) { return v.now >= view.now - span; });
  };
  const auto start = since(kWindow);
  const double time = std::chrono::duration<double>(view.now - start->now).count();
  if (time > 0.5)
    speed_ = std::chrono::duration<double>(view.position - start->position).count() / time;

  if (!view.live) return Change::kNone;
  const bool settled = view.now - changed_ >= kWindow;
  if (settled && time >= 1.3 && step_ < steps_) {
    const auto least = std::min_element(
        start, views_.end(), [](const View& a, const View& b) { return a.backlog < b.backlog; });
    const double drained =
        std::chrono::duration<double>(start->backlog - view.backlog).count() / time;
    if (least->backlog > kBehind && drained < kDrain) {
      // Falling behind again soon after a step back: that step waits longer next time.
      if (took_back_ && view.now - changed_ < 2 * kHold) hold_ = std::min(2 * hold_, kMaxHold);
      took_back_ = false;
      step_++;
      changed_ = view.now;
      return Change::kMore;
    }
  }
  if (step_ > 0 && view.now - changed_ >= hold_ &&
      view.now - views_.front().now >= kCalm * 9 / 10) {
    const double calm = std::chrono::duration<double>(view.now - views_.front().now).count();
    const double spare =
        std::chrono::duration<double>(view.idle - views_.front().idle).count() / calm;
    if (spare > (step_ == 1 ? kSpareForAll : kSpareForRung)) {
      step_--;
      changed_ = view.now;
      took_back_ = true;
      return Change::kLess;
    }
  }
  return Change::kNone;
}

}  // namespace stream::media
