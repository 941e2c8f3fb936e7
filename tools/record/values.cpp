#include <ctime>

#include "base/error.h"
#include "base/text.h"
#include "record.h"

namespace stream::record {

void parse_value(std::string_view text, SplitAt& out) {
  out = {};
  const bool size = !text.empty() && text.back() == 'B';
  if (size)
    out.bytes = parse_byte_size(text).bytes;
  else
    out.time = parse_duration(text).value;
  if ((size && *out.bytes < 1 << 20) || (!size && *out.time < std::chrono::seconds(1)))
    throw Error(Exit::kUsage, "usage.value",
                "\"" + escaped(text) + "\" makes files that are too small",
                "from 1s or 1MiB on, for example 1h or 2GiB");
}

void parse_value(std::string_view text, PointInTime& out) {
  if (const auto time = parse_rfc3339(text)) {
    out.value = *time;
    return;
  }
  const auto digit = [&](size_t at) { return text[at] >= '0' && text[at] <= '9'; };
  if (text.size() == 5 && text[2] == ':' && digit(0) && digit(1) && digit(3) && digit(4)) {
    const int hour = (text[0] - '0') * 10 + text[1] - '0',
              minute = (text[3] - '0') * 10 + text[4] - '0';
    if (hour < 24 && minute < 60) {
      const std::time_t now = std::time(nullptr);
      std::tm tm{};
      localtime_r(&now, &tm);
      tm.tm_hour = hour;
      tm.tm_min = minute;
      tm.tm_sec = 0;
      tm.tm_isdst = -1;
      std::time_t then = std::mktime(&tm);
      if (then <= now) {
        tm.tm_mday += 1;
        tm.tm_isdst = -1;
        then = std::mktime(&tm);
      }
      out.value = std::chrono::system_clock::from_time_t(then);
      return;
    }
  }
  throw Error(Exit::kUsage, "usage.value", "\"" + escaped(text) + "\" is no time",
              "for example 18:00 or 2026-11-20T18:00:00Z");
}

}  // namespace stream::record
