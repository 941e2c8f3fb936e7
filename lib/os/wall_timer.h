// Wakes a poll(2) at an instant of the wall clock, and as soon as somebody sets that clock. One
// thread.
#pragma once
#include <chrono>

#include "os/fd.h"

namespace stream::os {

class WallTimer {
 public:
  WallTimer();
  // Replaces the instant before; one that has passed wakes at once.
  void set(std::chrono::system_clock::time_point at);
  int fd() const { return fd_.get(); }  // readable: it is time, or the clock was set; set() anew

 private:
  Fd fd_;
};

}  // namespace stream::os
