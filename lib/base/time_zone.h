// Civil time: what the clocks of a place show, by the rules of a TZif file (RFC 8536, versions 1 to
// 4) with its footer, a POSIX TZ string. Pure: bytes in, a table of offsets out. Years 1970 to
// 2200; after that the last offset stays.
#pragma once
#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "base/buffer.h"

namespace stream {

class TimeZone {
 public:
  using Instant = std::chrono::sys_seconds;
  using Local = std::chrono::local_seconds;  // what a clock there shows

  TimeZone() = default;  // UTC
  // nullopt: not such a file, or one that counts leap seconds ("right/").
  static std::optional<TimeZone> parse(Bytes tzif);

  std::chrono::seconds offset_at(Instant instant) const;  // east of Greenwich
  Local local(Instant instant) const {
    return Local((instant + offset_at(instant)).time_since_epoch());
  }
  // The first instant at which the clocks show `time` or a later one: where they go back, the first
  // of the two; where they leap over `time`, the instant of the leap. It never falls as `time`
  // grows.
  Instant instant(Local time) const;

 private:
  struct Change {
    Instant at;
    std::chrono::seconds offset;  // from then on
  };
  bool extend(std::string_view footer);

  std::chrono::seconds first_{0};  // before all changes
  std::vector<Change> changes_;    // ascending
};

}  // namespace stream
