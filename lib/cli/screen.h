// The whole terminal for a live view: alternate screen, keys one by one, resizes. The terminal is
// as it was before on every end that a program can see: return, exception, SIGINT, SIGTERM, SIGHUP,
// SIGQUIT; while it is stopped (SIGTSTP), too. One at a time, on the main thread, made before other
// threads, which must not take its signals.
#pragma once
#include <termios.h>

#include <chrono>
#include <csignal>
#include <deque>
#include <string>
#include <vector>

#include "os/fd.h"

namespace stream::cli {

struct ScreenLine {
  std::string text;  // no control characters, no wider than the screen
  bool highlighted = false;
};

class Screen {
 public:
  // stdin and stdout must be terminals.
  Screen();
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  struct Event {
    enum Kind { kNone, kKey, kResize, kEnd } kind = kNone;
    std::string key;  // "q", "up", "down", "escape"
    int signal = 0;   // of kEnd; 0: the terminal is gone
  };
  Event wait(std::chrono::milliseconds timeout);

  size_t width() const { return width_; }
  size_t height() const { return height_; }
  void draw(const std::vector<ScreenLine>& lines);

 private:
  void enter();
  void leave();
  void measure();
  void read_keys();
  Event on_signal();

  termios before_{};
  sigset_t blocked_before_{};
  os::Fd signals_;
  size_t width_ = 80, height_ = 24;
  std::deque<std::string> keys_;
};

}  // namespace stream::cli
