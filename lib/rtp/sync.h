// Puts the tracks of one sender on one line of time. At first by when their packets arrive; once
// two tracks have sender reports (RFC 3550 6.4.1), by what those say, drawn in smoothly so that
// time never steps. Pure; one thread.
#pragma once
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace stream::rtp {

class Sync {
 public:
  // Returns the track's number.
  size_t add(int clock_rate);
  // Where a unit stands: nanoseconds from the first unit of all tracks on. `time` is Unit::time,
  // `arrived` as there. Per track the result never runs backwards where `time` does not.
  Nanoseconds place(size_t track, int64_t time, Nanoseconds arrived);
  // `time`: Receiver::line_time() of the report's timestamp.
  void report(size_t track, int64_t time, uint64_t ntp);
  // Two tracks or more are placed by reports.
  bool by_reports() const noexcept;
  // How far the track is still from where its reports want it.
  Nanoseconds correction(size_t track) const;

 private:
  struct Track {
    int64_t clock_rate = 90000;
    bool started = false, reported = false;
    Nanoseconds offset{0};  // of the line of media times: place = time / rate + offset
    Nanoseconds target{0};
    Nanoseconds at{0};      // media time of the last unit
    Nanoseconds sender{0};  // wall clock of the sender at media time 0
  };
  void aim();
  std::vector<Track> tracks_;
  bool started_ = false;
  Nanoseconds origin_{0};
};

}  // namespace stream::rtp
