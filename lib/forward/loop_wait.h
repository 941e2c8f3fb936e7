// Waits for a reader that knows nothing of the event loop by going back to it: the reader is in an
// os::Fiber, which give_way() stops and on_ready() resumes. On the loop's thread alone.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "av/input.h"

namespace stream::media {

class LoopWait final : public av::Input::Interrupter {
 public:
  using Clock = std::chrono::steady_clock;

  LoopWait(boost::asio::io_context& io, std::function<void()> give_way);
  ~LoopWait() override;
  // Called by the loop when the wait is over.
  void on_ready(std::function<void()> handler) { ready_ = std::move(handler); }

  bool wait(int fd, std::chrono::milliseconds timeout) override;
  void release(int fd) noexcept override;

  // Once there is nothing to read, the next wait for a descriptor looks again no sooner than this:
  // what comes until then costs no wake-up of its own.
  void rest_until(Clock::time_point when) { rest_ = when; }
  // Since the last call a descriptor was waited for: what came last came just now.
  bool take_waited() { return std::exchange(waited_, false); }

 private:
  void sleep_until(Clock::time_point when);
  bool wait_readable(int fd);
  auto over(bool readable);

  const std::function<void()> give_way_;
  std::function<void()> ready_;
  boost::asio::posix::stream_descriptor descriptor_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  int watched_ = -1;
  int immediate_ = 0;  // waits in a row that did not give way
  uint64_t turn_ = 0;
  bool readable_ = false, waited_ = false;
  Clock::time_point rest_{};
};

}  // namespace stream::media
