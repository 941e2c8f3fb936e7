// What long work shows of itself on stderr: one line rewritten in place on a terminal (not with CI
// set or TERM=dumb), a plain line each minute with --progress plain, else nothing. Log lines and it
// keep out of each other's way.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/time.h"
#include "cli/run.h"

namespace stream::cli {

// For work that has an end: show() from where it goes on. One thread at a time.
class Progress {
 public:
  explicit Progress(const Context& context);
  ~Progress();  // takes the line away
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  bool wanted() const { return interval_ > Nanoseconds::zero(); }
  bool due() const;  // worth making a text for
  void show(std::string_view line);
  // "upload a.mp4  42 %  12.3 of 29.0 MiB  8.1 MiB/s  2 s left"; total 0: not known.
  void show(std::string_view what, uint64_t done_bytes, uint64_t total_bytes);

 private:
  Nanoseconds interval_{}, last_{}, begun_;
  bool in_place_ = false, shown_ = false;
};

// For work without an end: asks for the line once a second on a thread of its own.
class LiveLine {
 public:
  LiveLine(const Context& context, std::function<std::string()> text);
  ~LiveLine();

 private:
  Progress progress_;
  std::function<std::string()> text_;
  std::mutex mutex_;
  std::condition_variable end_;
  bool ending_ = false;
  std::thread thread_;
};

std::string bytes_text(uint64_t bytes);       // "29.0 MiB"
std::string duration_text(Nanoseconds time);  // "7 s", "1:02:03"
std::string clock_text(Nanoseconds time);     // "0:00:07", "1:02:03"

}  // namespace stream::cli
