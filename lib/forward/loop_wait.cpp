#include "forward/loop_wait.h"

#include <poll.h>

#include <utility>

namespace stream::media {
namespace {

constexpr int kMostImmediate = 32;  // reads of 64 KiB; then the others have their turn

bool is_readable(int fd) {
  pollfd now{fd, POLLIN, 0};
  return ::poll(&now, 1, 0) > 0;
}

}  // namespace

LoopWait::LoopWait(boost::asio::io_context& io, std::function<void()> give_way)
    : give_way_(std::move(give_way)), descriptor_(io), timer_(io) {}

LoopWait::~LoopWait() {
  release(watched_);
}

auto LoopWait::over(bool readable) {
  return [this, alive = std::weak_ptr(alive_), turn = turn_,
          readable](boost::system::error_code error) {
    if (alive.expired() || turn != turn_ || error == boost::asio::error::operation_aborted) return;
    readable_ = readable;
    ready_();
  };
}

bool LoopWait::wait(int fd, std::chrono::milliseconds timeout) {
  if (fd < 0) {
    sleep_until(Clock::now() + timeout);
    return false;
  }
  while (!interrupted()) {
    if (is_readable(fd)) {
      if (++immediate_ < kMostImmediate) return true;
      sleep_until(Clock::now());
    } else if (const auto until = std::exchange(rest_, {}); until > Clock::now()) {
      release(watched_);  // or it would wake us all the same
      sleep_until(until);
    } else {
      return wait_readable(fd);
    }
  }
  return false;
}

void LoopWait::sleep_until(Clock::time_point when) {
  if (interrupted()) return;
  immediate_ = 0;
  ++turn_;
  timer_.expires_at(when);
  timer_.async_wait(over(false));
  give_way_();
  ++turn_;
  timer_.cancel();
}

bool LoopWait::wait_readable(int fd) {
  immediate_ = 0;
  ++turn_;
  readable_ = false;
  if (fd != watched_) {
    release(watched_);
    descriptor_.assign(fd);
    watched_ = fd;
  }
  waited_ = true;
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, over(true));
  give_way_();
  ++turn_;
  if (!readable_) descriptor_.cancel();
  return readable_;
}

void LoopWait::release(int fd) noexcept {
  if (fd < 0 || fd != watched_) return;
  watched_ = -1;
  try {
    descriptor_.release();
  } catch (const boost::system::system_error&) {  // it is forgotten all the same
  }
}

}  // namespace stream::media
