// Which rung of a ladder a viewer is to get, from what its player reports. Down at once when
// packets get lost or the way is found narrower than the rung; up after a calm time, one rung at a
// time: players' estimates grow no further than half above what they are sent, so only trying
// tells. A rung that had to be left is tried again later, each time twice as late. Pure; time is
// passed in.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace stream::whep {

class RungChoice {
 public:
  struct Rung {
    int64_t bps = 0;    // as sent now; 0: not known
    bool there = true;  // gives pictures
  };
  struct Seen {
    Nanoseconds now{0};
    std::optional<double> loss;        // 0..1, when it was measured since the last look
    std::optional<uint64_t> estimate;  // bit/s, the player's newest
  };
  struct Wish {
    size_t rung = 0;
    const char* reason = "";
  };

  // Where a viewer begins of whom nothing is known. `rungs`: smallest first, at least one.
  static size_t first(const std::vector<Rung>& rungs);

  // A few times a second, while no move is under way. nullopt: stay.
  std::optional<Wish> look(const std::vector<Rung>& rungs, size_t current, const Seen& seen);
  // The rung that was wished for gave no key frame.
  void missed(Nanoseconds now, size_t rung);
  // It is on another rung from here on.
  void moved(Nanoseconds now, size_t from, size_t to);

 private:
  struct Tried {
    Nanoseconds pause{0}, until{0};  // after it had to be left
  };
  std::optional<Wish> down(const std::vector<Rung>& rungs, size_t current, const Seen& seen);
  void failed(size_t rung, Nanoseconds now);
  bool narrow(const Seen& seen, int64_t bps);

  std::map<size_t, Tried> tried_;
  Nanoseconds since_{0};   // on the present rung
  Nanoseconds calm_{0};    // since when nothing was wrong
  uint64_t estimate_ = 0;  // the one before
  bool begun_ = false;
};

}  // namespace stream::whep
