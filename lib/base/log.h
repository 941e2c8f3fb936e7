// Diagnostics for people, on stderr only: logfmt lines with a time stamp, or "<N>" priorities and
// no time when stderr is the journal. Thread-safe. Identical lines within 10 s collapse to one with
// a count. What a program does for its user is an event, not a log line.
#pragma once
#include <string>
#include <string_view>

namespace stream::log {

enum class Level { kError = 3, kWarning = 4, kInfo = 6, kDebug = 7 };  // syslog(3) priorities

// Quiet shows errors only; each -v adds one level. Default kWarning and above plus kInfo.
void set_level(Level level);
void set_tool(std::string tool);
bool enabled(Level level);
void set_json(bool json);
// A line without an end stands on the terminal below the log: each line takes its place.
void set_line_below(bool there);

// `message` is one line and escaped here; key=value pairs are the caller's business.
void write(Level level, std::string_view message);
inline void error(std::string_view message) {
  write(Level::kError, message);
}
inline void warning(std::string_view message) {
  write(Level::kWarning, message);
}
inline void info(std::string_view message) {
  write(Level::kInfo, message);
}
inline void debug(std::string_view message) {
  if (enabled(Level::kDebug)) write(Level::kDebug, message);
}

}  // namespace stream::log
