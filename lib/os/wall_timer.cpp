#include "os/wall_timer.h"

#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"

namespace stream::os {

WallTimer::WallTimer() : fd_(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
  if (!fd_) throw_errno("make", "a timer", errno);
}

void WallTimer::set(std::chrono::system_clock::time_point at) {
  using namespace std::chrono;
  // All zeros would mean never.
  const auto time = std::max(duration_cast<nanoseconds>(at.time_since_epoch()), nanoseconds(1));
  itimerspec spec{};
  spec.it_value.tv_sec = static_cast<time_t>(floor<seconds>(time).count());
  spec.it_value.tv_nsec = static_cast<long>((time - floor<seconds>(time)).count());
  // Also forgets an earlier setting of the clock that nobody has read.
  if (::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, nullptr) !=
          0 &&
      errno != ECANCELED)
    throw_errno("set", "a timer", errno);
}

}  // namespace stream::os
