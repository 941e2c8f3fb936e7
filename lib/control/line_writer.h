// Writes lines to a descriptor from a thread of its own, so that the caller never waits. Bounded:
// beyond 4096 lines the oldest go and are counted.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "os/fd.h"

namespace stream::control {

class LineWriter {
 public:
  explicit LineWriter(os::Fd fd);
  ~LineWriter();  // flushes for at most a second

  void push(std::shared_ptr<const std::string> line);
  // Lines lost since the last call.
  uint64_t take_dropped();
  bool flush(std::chrono::milliseconds timeout);

 private:
  // Shared with the thread, which outlives us when its descriptor never takes the last line.
  struct State {
    os::Fd fd;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::shared_ptr<const std::string>> lines;
    uint64_t dropped = 0;
    bool writing = false, stopped = false;
  };
  static void write_lines(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace stream::control
