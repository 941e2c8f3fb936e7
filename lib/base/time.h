// Time as the programs mean it. Media time and waits use the monotonic clock; the wall clock is for
// people and for PROGRAM-DATE-TIME only.
#pragma once
#include <chrono>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>

namespace stream {

using Nanoseconds = std::chrono::nanoseconds;

// A time base or a rate; den > 0. {0, 1} means unknown.
struct Rational {
  int64_t num = 0, den = 1;
  double value() const { return static_cast<double>(num) / static_cast<double>(den); }
  bool known() const { return num > 0; }
  friend bool operator==(const Rational& a, const Rational& b) {
    return a.num * b.den == b.num * a.den;
  }
};

inline constexpr Rational kNanosecondBase{1, 1'000'000'000};
inline constexpr int64_t kNoTime = INT64_MIN;

// ticks of `from` in ticks of `to`, to the nearest (ties away from 0); 128 bits in between.
// kNoTime stays kNoTime.
int64_t rescale(int64_t ticks, Rational from, Rational to);

Nanoseconds monotonic_now();
std::chrono::system_clock::time_point wall_now();
int64_t unix_ms(std::chrono::system_clock::time_point time);  // milliseconds since 1970
// "2026-11-20T10:00:00.123Z" (RFC 3339, UTC, milliseconds).
std::string rfc3339(std::chrono::system_clock::time_point time);
// The reverse; milliseconds may be missing. nullopt: not such a time, or not of 1970 to 2200.
std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text);

}  // namespace stream
