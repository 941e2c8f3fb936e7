#include "os/wall_timer.h"

#include <doctest/doctest.h>
#include <poll.h>

using namespace std::chrono;
using stream::os::WallTimer;

namespace {

bool is_due(const WallTimer& timer, int milliseconds) {
  pollfd handle{timer.fd(), POLLIN, 0};
  return ::poll(&handle, 1, milliseconds) == 1;
}

}  // namespace

TEST_CASE("a timer of the wall clock") {
  WallTimer timer;
  CHECK_FALSE(is_due(timer, 0));
  timer.set(system_clock::now() + 1h);
  CHECK_FALSE(is_due(timer, 0));
  timer.set(system_clock::now() + 20ms);
  CHECK(is_due(timer, 5000));
  timer.set(system_clock::now() + 1h);
  CHECK_FALSE(is_due(timer, 0));
  for (const auto passed :
       {system_clock::now() - 1h, system_clock::time_point(), system_clock::time_point(-1h)}) {
    timer.set(passed);
    CHECK(is_due(timer, 1000));
  }
}
