#include "base/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <utility>

#include "base/stderr.h"
#include "base/text.h"
#include "base/time.h"

namespace stream::log {
namespace {

constexpr auto kPeriod = std::chrono::seconds(10);
constexpr std::chrono::milliseconds kPatience(100);  // with a reader that is only slow
constexpr size_t kRemembered = 64;                   // different lines within one period

struct Repeat {
  Nanoseconds since;
  unsigned suppressed = 0;
};

std::atomic<Level> g_level{Level::kInfo};
std::atomic<bool> g_json{false}, g_line_below{false};
std::mutex g_mutex;
std::string g_tool = "stream";
uint64_t g_lost = 0;  // since stderr was last read; under the mutex
std::map<std::string, Repeat, std::less<>> g_recent;

// JOURNAL_STREAM is "device:inode" of what systemd connected to stderr (systemd.exec(5)).
bool stderr_is_journal() {
  const char* journal = std::getenv("JOURNAL_STREAM");
  unsigned long long device = 0, inode = 0;
  struct stat st {};
  return journal && std::sscanf(journal, "%llu:%llu", &device, &inode) == 2 && fstat(2, &st) == 0 &&
         st.st_dev == device && st.st_ino == inode;
}

const char* name(Level level) {
  switch (level) {
    case Level::kError:
      return "error";
    case Level::kWarning:
      return "warning";
    case Level::kInfo:
      return "info";
    case Level::kDebug:
      return "debug";
  }
  return "info";
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string line_of(Level level, std::string_view message) {
  static const bool journal = stderr_is_journal();
  std::string line;
  if (journal) {
    line = "<" + std::to_string(static_cast<int>(level)) + ">" + g_tool + ": " +
           std::string(message) + "\n";
  } else if (g_json) {
    line = "{\"time\":\"" + rfc3339(wall_now()) + "\",\"tool\":\"" + g_tool + "\",\"level\":\"" +
           name(level) + "\",\"message\":" + quoted(message) + "}\n";
  } else {
    line = rfc3339(wall_now()) + " " + g_tool + " level=" + name(level) +
           " msg=" + quoted(message) + "\n";
  }
  if (g_line_below) line.insert(0, "\r\x1b[J");
  return line;
}

// One write, so that lines of several processes on one terminal do not mix; a failure has no
// reader. A pipe with any room at all takes a line.
void put(Level level, std::string_view message) {
  if (!stderr_has_room(g_lost > 0 ? std::chrono::milliseconds(0) : kPatience)) {
    ++g_lost;
    return;
  }
  std::string text;
  if (g_lost > 0)
    text = line_of(Level::kWarning, "lines lost while nobody read standard error: " +
                                        std::to_string(std::exchange(g_lost, 0)));
  text += line_of(level, message);
  if (::write(2, text.data(), text.size()) < 0) return;
}

void forget_old(Nanoseconds now) {
  for (auto it = g_recent.begin(); it != g_recent.end();) {
    if (now - it->second.since < kPeriod) {
      ++it;
      continue;
    }
    if (it->second.suppressed)
      put(Level::kInfo,
          "repeated " + std::to_string(it->second.suppressed) + " times in 10 s: " + it->first);
    it = g_recent.erase(it);
  }
}

}  // namespace

void set_level(Level level) {
  g_level = level;
}
void set_json(bool json) {
  g_json = json;
}
void set_line_below(bool there) {
  g_line_below = there;
}
bool enabled(Level level) {
  return level <= g_level.load(std::memory_order_relaxed);
}

void set_tool(std::string tool) {
  std::lock_guard lock(g_mutex);
  g_tool = std::move(tool);
}

void write(Level level, std::string_view message) {
  if (!enabled(level)) return;
  const std::string safe = escaped(message, 1000);
  std::lock_guard lock(g_mutex);
  const Nanoseconds now = monotonic_now();
  forget_old(now);
  if (auto it = g_recent.find(safe); it != g_recent.end()) {
    ++it->second.suppressed;
    return;
  }
  if (g_recent.size() < kRemembered) g_recent.emplace(safe, Repeat{now});
  put(level, safe);
}

}  // namespace stream::log
