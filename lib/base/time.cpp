#include "base/time.h"

#include <algorithm>

namespace stream {

int64_t rescale(int64_t ticks, Rational from, Rational to) {
  if (ticks == kNoTime) return kNoTime;
  if (from.num == to.num && from.den == to.den) return ticks;
  // Nearly always 64 bits do, whose division is many times faster.
  int64_t small_num = 0, small_den = 0, small = 0;
  if (!__builtin_mul_overflow(from.num, to.den, &small_num) &&
      !__builtin_mul_overflow(from.den, to.num, &small_den) &&
      !__builtin_mul_overflow(ticks, small_num, &small) &&
      !__builtin_add_overflow(small, small < 0 ? -(small_den / 2) : small_den / 2, &small))
    return small / small_den;
  const __int128 num = static_cast<__int128>(from.num) * to.den;
  const __int128 den = static_cast<__int128>(from.den) * to.num;
  const __int128 product = ticks * num;
  const __int128 half = den / 2;
  return static_cast<int64_t>((product + (product < 0 ? -half : half)) / den);
}

Nanoseconds monotonic_now() {
  return std::chrono::steady_clock::now().time_since_epoch();
}

std::chrono::system_clock::time_point wall_now() {
  return std::chrono::system_clock::now();
}

int64_t unix_ms(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

std::string rfc3339(std::chrono::system_clock::time_point time) {
  using namespace std::chrono;
  const auto day_part = floor<days>(time);
  const year_month_day date(day_part);
  const hh_mm_ss clock(floor<milliseconds>(time - day_part));
  std::string text = "0000-00-00T00:00:00.000Z";  // not by strftime: lists have many of them
  const auto put = [&](size_t end, auto value) {
    for (; value > 0; value /= 10) text[--end] = static_cast<char>('0' + value % 10);
  };
  put(4, std::clamp(static_cast<int>(date.year()), 0, 9999));
  put(7, static_cast<unsigned>(date.month()));
  put(10, static_cast<unsigned>(date.day()));
  put(13, clock.hours().count());
  put(16, clock.minutes().count());
  put(19, clock.seconds().count());
  put(23, clock.subseconds().count());
  return text;
}

std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000Z";
  const bool with_ms = text.size() == kForm.size();
  if (!with_ms && text.size() != kForm.size() - 4) return std::nullopt;
  const std::string form = with_ms ? std::string(kForm) : std::string(kForm.substr(0, 19)) + "Z";
  for (size_t i = 0; i < text.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (form[i] == '0' ? !digit : text[i] != form[i]) return std::nullopt;
  }
  const auto number = [&](size_t at, size_t size) {
    int value = 0;
    for (const char c : text.substr(at, size)) value = value * 10 + (c - '0');
    return value;
  };
  const year_month_day date{year(number(0, 4)), month(static_cast<unsigned>(number(5, 2))),
                            day(static_cast<unsigned>(number(8, 2)))};
  const int hour = number(11, 2), minute = number(14, 2), second = number(17, 2);
  if (!date.ok() || date.year() < year(1970) || date.year() > year(2200) || hour > 23 ||
      minute > 59 || second > 60)
    return std::nullopt;
  return sys_days(date) + hours(hour) + minutes(minute) + seconds(second) +
         milliseconds(with_ms ? number(20, 3) : 0);
}

}  // namespace stream
