// When a ladder sheds load, and when it takes it up again. A pure machine: it is shown the state of
// things ten times a second. Step 1 leaves out every second picture; each step beyond pauses one
// more rung, the largest first, never the last.
#pragma once
#include <deque>

#include "base/time.h"

namespace stream::media {

class Shedder {
 public:
  explicit Shedder(int rungs) : steps_(rungs) {}  // 1 + (rungs - 1)
  void set_rungs(int rungs) { steps_ = rungs > 0 ? rungs : 1; }

  struct View {
    Nanoseconds now{};       // any steady clock
    Nanoseconds backlog{};   // media that waits to be decoded
    Nanoseconds idle{};      // total time spent waiting for media
    Nanoseconds position{};  // media time done
    bool live = true;        // else nothing is ever shed
  };
  enum class Change { kNone, kMore, kLess };
  Change look(const View& view);

  int step() const { return step_; }
  bool half_rate() const { return step_ >= 1; }
  int paused() const { return step_ > 1 ? step_ - 1 : 0; }  // rungs, from the largest
  double speed() const { return speed_; }                   // media per time over the last window

 private:
  int steps_, step_ = 0;
  double speed_ = 1;
  std::deque<View> views_;  // of the last kCalm
  Nanoseconds changed_{}, hold_{};
  bool took_back_ = false;
};

}  // namespace stream::media
