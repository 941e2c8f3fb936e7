// How unevenly pictures come from their source. A player has to hold them for that long to show
// them evenly; it finds that out by stumbling, while who serves it has seen it before. Pure; time
// is passed in.
#pragma once
#include <array>
#include <cstddef>

#include "base/time.h"

namespace stream::whep {

class Lateness {
 public:
  // A picture that came now; `shown` by the source.
  void add(Nanoseconds shown, Nanoseconds now);
  // How much later than the earliest of the last pictures, of some seconds, all but a few of them
  // came; what is more than players should be late for is cut off.
  Nanoseconds usual() const noexcept { return usual_; }

 private:
  void measure();

  std::array<Nanoseconds, 256> behind_;  // the newest, by count_; its source's clock is not ours
  size_t count_ = 0;
  Nanoseconds least_{0}, usual_{0};
};

}  // namespace stream::whep
