// A recurrence as crontab(5) writes it: minute, hour, day of the month, month, day of the week.
// Pure.
#pragma once
#include <bitset>
#include <chrono>
#include <string>
#include <string_view>

namespace stream::streams {

struct Cron {
  std::string text;
  std::bitset<60> minutes;
  std::bitset<24> hours;
  std::bitset<32> days;
  std::bitset<13> months;
  std::bitset<7> weekdays;  // from Sunday on
  // As in cron(8): when both are restricted, either will do.
  bool any_day = false, any_weekday = false;

  bool has_day(std::chrono::year_month_day date) const;
  bool operator==(const Cron& other) const { return text == other.text; }
};

// "0 10 * * SUN", "*/15 9-17 1,15 JAN-MAR *". Throws Error kConfig "cron.invalid" that names the
// field.
Cron parse_cron(std::string_view text);

}  // namespace stream::streams
