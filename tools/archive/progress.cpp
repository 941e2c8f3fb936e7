#include "progress.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/time.h"
#include "cli/terminal.h"

namespace stream::archive {

namespace {

constexpr auto kFrame = std::chrono::milliseconds(200);
constexpr auto kEvent = std::chrono::seconds(5);
constexpr int kWidth = 30;

bool wants_bar(const cli::Context& context) {
  const char* term = std::getenv("TERM");
  const char* ci = std::getenv("CI");
  return cli::is_terminal(2) && !context.common().quiet && term && std::strcmp(term, "dumb") != 0 &&
         !(ci && *ci);
}

}  // namespace

Progress::Progress(const cli::Context& context, control::Service& service, std::string what)
    : service_(service), what_(std::move(what)), bar_(wants_bar(context)) {
  thread_ = std::thread([this] { run(); });
}

Progress::~Progress() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
  if (drawn_) cli::write_stderr("\r\033[K");
}

void Progress::run() {
  const Nanoseconds began = monotonic_now();
  Nanoseconds next_event = began + kEvent;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kFrame, [this] { return ended_; })) {
    const Nanoseconds now = monotonic_now();
    const double seconds = std::chrono::duration<double>(now - began).count();
    if (bar_ && seconds >= 1) draw(seconds);
    if (now >= next_event) {
      next_event = now + kEvent;
      service_.emit("transfer.progress", {{"what", what_},
                                          {"done_bytes", done_.load()},
                                          {"total_bytes", total_.load()},
                                          {"elapsed_seconds", seconds}});
    }
  }
}

void Progress::draw(double seconds) {
  const double total = static_cast<double>(std::max<int64_t>(1, total_));
  const double done = std::clamp(static_cast<double>(done_), 0.0, total);
  const int filled = static_cast<int>(done / total * kWidth);
  const std::string bar = std::string(static_cast<size_t>(filled), '#') +
                          std::string(static_cast<size_t>(kWidth - filled), '.');
  char text[160];
  std::snprintf(text, sizeof text, "\r%s [%s] %3.0f %%  %.1f of %.1f MiB  %.1f MiB/s\033[K",
                what_.c_str(), bar.c_str(), done / total * 100, done / 1048576, total / 1048576,
                done / 1048576 / seconds);
  cli::write_stderr(text);
  drawn_ = true;
}

}  // namespace stream::archive
