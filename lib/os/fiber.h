// A function with a stack of its own that can stop in the middle and go on later, all on the thread
// that calls resume(): lets code that only knows how to wait (FFmpeg's demuxers) wait on an event
// loop. Knows no loop itself. One thread.
#pragma once
#include <functional>
#include <memory>

namespace stream::os {

class Fiber {
 public:
  // Nothing runs before the first resume(). Exceptions must not leave the function.
  explicit Fiber(std::function<void()> function);
  ~Fiber();  // the function must have ended, or never begun
  Fiber(const Fiber&) = delete;

  // From outside: runs the function until it stops or ends.
  void resume();
  // From inside: goes back to where resume() was called.
  void stop();
  bool ended() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stream::os
