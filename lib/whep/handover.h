// From the pictures of one rung to those of another, at a key frame that both have: rungs of a
// ladder share their times, but each comes when its encoder is done with it. Whichever is first
// waits for the other, for a moment, so that no picture is left out and none comes twice. Pure;
// time is passed in.
#pragma once
#include <optional>
#include <vector>

#include "base/time.h"
#include "whep/unit.h"

namespace stream::whep {

class Handover {
 public:
  using Units = std::vector<UnitPtr>;

  // From the next key frame on the other rung is wanted. What was held of the one that is shown,
  // for an earlier wish, goes to `out`.
  void want(Units& out) { wish(true, out); }
  void stay(Units& out) { wish(false, out); }  // it is not wanted any more
  // False: it is there, or was given up, as no key frame of it came.
  bool wanted() const noexcept { return wanted_; }
  // All up to `timestamp` was sent by other means: what is held is forgotten, a wish is not.
  void begun(uint32_t timestamp);

  // The next picture of the rung that is shown; what is to be shown now goes to `out`. True: `out`
  // is of the other rung at its end, which is the one that is shown from here on.
  bool shown(const UnitPtr& unit, Nanoseconds now, Units& out);
  // The next picture of the rung that is wanted.
  bool other(const UnitPtr& unit, Nanoseconds now, Units& out);

 private:
  void wish(bool wanted, Units& out);
  bool go_over(Units& out);
  void release(Units& out);
  void pass(const UnitPtr& unit, Units& out);

  bool wanted_ = false;
  std::optional<uint32_t> last_;  // that went out
  Units held_;                    // of the one that is shown, from a key frame on
  Units next_;                    // of the other, from a key frame on
  Nanoseconds held_since_{0}, next_since_{0};
};

}  // namespace stream::whep
