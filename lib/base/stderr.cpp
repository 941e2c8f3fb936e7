#include "base/stderr.h"

#include <poll.h>

namespace stream {

bool stderr_has_room(std::chrono::milliseconds patience) {
  pollfd out{2, POLLOUT, 0};
  return ::poll(&out, 1, static_cast<int>(patience.count())) != 0;
}

}  // namespace stream
