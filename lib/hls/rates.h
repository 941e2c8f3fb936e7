// How many bits a second a rendition has, as RFC 8216bis 4.4.6.2 measures them: from its segments,
// over its whole life. Pure.
#pragma once
#include <cstdint>
#include <deque>
#include <utility>

#include "base/time.h"

namespace stream::hls {

struct Rates {  // bit/s
  uint64_t peak = 0, average = 0;
};

class RateMeter {
 public:
  // A segment in its order; `target` is the target duration that is in force with it.
  void add(Nanoseconds duration, uint64_t bytes, Nanoseconds target);
  void gap() { run_.clear(); }
  Rates rates() const;

 private:
  Nanoseconds time_{};
  uint64_t bytes_ = 0, peak_ = 0;
  std::deque<std::pair<Nanoseconds, uint64_t>> run_;  // the newest 1.5 target durations
};

}  // namespace stream::hls
