#include "cli/progress.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iterator>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/terminal.h"

namespace stream::cli {
namespace {

constexpr auto kInPlace = std::chrono::milliseconds(200);
constexpr std::chrono::milliseconds kFrame(50);  // a frame that has no room is left out
constexpr auto kPlain = std::chrono::seconds(60);

bool set(const char* variable) {
  const char* value = std::getenv(variable);
  return value && *value;
}

bool can_rewrite() {
  const char* term = std::getenv("TERM");
  return is_terminal(2) && !(term && std::string_view(term) == "dumb") && !set("CI");
}

size_t columns() {
  winsize size{};
  return ::ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 10 ? size.ws_col : 80u;
}

}  // namespace

Progress::Progress(const Context& context) : begun_(monotonic_now()) {
  const std::string& mode = context.common().progress;
  if (context.common().quiet || mode == "none") return;
  in_place_ = mode == "auto" && can_rewrite();
  if (in_place_) interval_ = kInPlace;
  if (mode == "plain") interval_ = kPlain;
  last_ = in_place_ ? begun_ - interval_ : begun_;
}

Progress::~Progress() {
  if (!shown_ || !in_place_) return;
  log::set_line_below(false);
  write_stderr("\r\x1b[K");
}

bool Progress::due() const {
  return wanted() && monotonic_now() - last_ >= interval_;
}

void Progress::show(std::string_view line) {
  if (!due()) return;
  last_ = monotonic_now();
  const std::string safe = escaped(line, in_place_ ? columns() - 1 : 1000);
  if (in_place_) {
    log::set_line_below(true);
    shown_ = true;
    write_stderr("\r\x1b[K" + safe, kFrame);
  } else {
    write_stderr(safe + "\n", kFrame);
  }
}

void Progress::show(std::string_view what, uint64_t done, uint64_t total) {
  if (!due()) return;
  const double seconds =
      std::max(1e-3, std::chrono::duration<double>(monotonic_now() - begun_).count());
  const double rate = static_cast<double>(done) / seconds;
  std::string line(what);
  if (total > 0) line += "  " + std::to_string(std::min<uint64_t>(100, done * 100 / total)) + " %";
  line += "  " + bytes_text(done);
  if (total > 0) line += " of " + bytes_text(total);
  line += "  " + bytes_text(static_cast<uint64_t>(rate)) + "/s";
  if (total > done && rate > 1)
    line += "  " +
            duration_text(std::chrono::seconds(
                static_cast<int64_t>(static_cast<double>(total - done) / rate) + 1)) +
            " left";
  show(line);
}

LiveLine::LiveLine(const Context& context, std::function<std::string()> text)
    : progress_(context), text_(std::move(text)) {
  if (!progress_.wanted()) return;
  thread_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!end_.wait_for(lock, std::chrono::seconds(1), [this] { return ending_; })) {
      if (!progress_.due()) continue;
      const std::string line = text_();
      if (!line.empty()) progress_.show(line);
    }
  });
}

LiveLine::~LiveLine() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  end_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::string bytes_text(uint64_t bytes) {
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1023.95 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", value, kUnits[unit]);
  return text;
}

std::string clock_text(Nanoseconds time) {
  const auto two = [](int64_t value) {
    return std::string{':', static_cast<char>('0' + value / 10),
                       static_cast<char>('0' + value % 10)};
  };
  const int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
  return std::to_string(seconds / 3600) + two(seconds / 60 % 60) + two(seconds % 60);
}

std::string duration_text(Nanoseconds time) {
  const auto seconds =
      static_cast<long long>(std::chrono::duration_cast<std::chrono::seconds>(time).count());
  if (seconds >= 3600) return clock_text(time);
  char text[32];
  if (seconds < 60)
    std::snprintf(text, sizeof text, "%lld s", seconds);
  else
    std::snprintf(text, sizeof text, "%lld:%02lld", seconds / 60, seconds % 60);
  return text;
}

}  // namespace stream::cli
