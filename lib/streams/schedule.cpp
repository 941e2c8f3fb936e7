#include "streams/schedule.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "base/time.h"

namespace stream::streams {
namespace {

using namespace std::chrono;

constexpr seconds kClocks = 27h;  // no clock differs more from UTC
constexpr Instant kEnd = sys_days(year(2200) / January / 1);

// What a leap of the clocks would leave nothing of keeps its length.
Instant end_of(const Sessions& s, const TimeZone& zone, Local start, Instant begin) {
  if (s.duration) return begin + *s.duration;
  Local until = start;
  if (s.until) {
    until = *s.until;
  } else {
    until = floor<days>(start) + *s.until_time;
    if (until <= start) until += 24h;
  }
  const Instant end = zone.instant(until);
  return end > begin ? end : begin + (until - start);
}

void add(const Schedule& schedule, const Sessions& s, const TimeZone& zone, Local start,
         Instant begin, std::vector<Session>& out) {
  out.push_back({begin - schedule.ready, begin, end_of(s, zone, start, begin), s.title});
}

// Local times in order give instants in order: those of one instant follow each other.
void add_recurrence(const Schedule& schedule, const Sessions& s, const TimeZone& zone, Instant from,
                    Instant to, size_t most, std::vector<Session>& out) {
  auto day = floor<days>(Local(from.time_since_epoch()) - kClocks);
  auto last = floor<days>(Local(to.time_since_epoch()) + kClocks);
  if (s.from) day = std::max(day, *s.from);
  if (s.to) last = std::min(last, *s.to);
  Instant before = Instant::min();
  size_t found = 0;
  for (; day <= last; day += days(1)) {
    if (!s.cron->has_day(sys_days(day.time_since_epoch()))) continue;
    for (int h = 0; h < 24; ++h) {
      if (!s.cron->hours.test(static_cast<size_t>(h))) continue;
      for (int m = 0; m < 60; ++m) {
        if (!s.cron->minutes.test(static_cast<size_t>(m))) continue;
        const Local start = day + hours(h) + minutes(m);
        const Instant begin = zone.instant(start);
        if (begin >= to || (found >= most && begin != before)) return;
        if (begin >= from) {
          add(schedule, s, zone, start, begin, out);
          found += begin != before;
        }
        before = begin;
      }
    }
  }
}

}  // namespace

std::vector<Session> sessions_between(const Schedule& schedule, const TimeZone& zone, Instant from,
                                      Instant to, size_t most) {
  std::vector<Session> out;
  to = std::min(to, kEnd);
  for (const Sessions& s : schedule.sessions) {
    if (s.cron) {
      add_recurrence(schedule, s, zone, from, to, most, out);
    } else if (const Instant begin = zone.instant(*s.at); begin >= from && begin < to) {
      add(schedule, s, zone, *s.at, begin, out);
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const Session& a, const Session& b) {
    return a.start != b.start ? a.start < b.start : a.end > b.end;
  });
  out.erase(std::unique(out.begin(), out.end(),
                        [](const Session& a, const Session& b) { return a.start == b.start; }),
            out.end());
  if (out.size() > most) out.resize(most);
  return out;
}

// In growing steps: most recur within days, the 29th of February after up to eight years.
std::vector<Session> sessions_after(const Schedule& schedule, const TimeZone& zone, Instant from,
                                    size_t most) {
  std::vector<Session> out = sessions_between(schedule, zone, from - longest(schedule), from + 1s);
  std::erase_if(out, [&](const Session& session) { return session.end <= from; });
  if (out.size() > most) out.resize(most);
  from += 1s;
  for (seconds step = 48h; out.size() < most && from < kEnd; step *= 4) {
    const Instant to = std::min(kEnd, from + step);
    for (Session& session : sessions_between(schedule, zone, from, to, most - out.size()))
      out.push_back(std::move(session));
    from = to;
  }
  return out;
}

seconds longest(const Schedule& schedule) {
  seconds most{};
  for (const Sessions& s : schedule.sessions) {
    // Clocks that are put back lengthen what is said by times.
    const seconds length = s.duration ? *s.duration
                           : s.until  ? *s.until - *s.at + kClocks
                                      : 24h + kClocks;
    most = std::max(most, length);
  }
  return most;
}

std::string describe(const Session& session, const Schedule& schedule, const TimeZone& zone) {
  const std::string start = to_text(zone.local(session.start)),
                    end = to_text(zone.local(session.end));
  const bool one_day = start.substr(0, 10) == end.substr(0, 10);
  return start + " to " + (one_day ? end.substr(11) : end) + " " + schedule.time_zone +
         (session.title.empty() ? "" : ": " + escaped(session.title));
}

nlohmann::json to_json(const Session& session, const TimeZone& zone) {
  return {
      {"start_at", rfc3339(session.start)},
      {"end_at", rfc3339(session.end)},
      {"ready_at", rfc3339(session.ready)},
      {"start_local", rfc3339_local(zone, session.start)},
      {"end_local", rfc3339_local(zone, session.end)},
      {"title", session.title.empty() ? nlohmann::json(nullptr) : nlohmann::json(session.title)}};
}

std::string to_text(Local time) {
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  char text[80];
  const int n = std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d", int(date.year()),
                              unsigned(date.month()), unsigned(date.day()),
                              static_cast<int>(clock.hours().count()),
                              static_cast<int>(clock.minutes().count()));
  const int s = static_cast<int>(clock.seconds().count());
  if (s != 0) std::snprintf(text + n, sizeof text - static_cast<size_t>(n), ":%02d", s);
  return text;
}

std::string rfc3339_local(const TimeZone& zone, Instant instant) {
  const seconds offset = zone.offset_at(instant);
  std::string text = to_text(zone.local(instant));
  text[10] = 'T';
  if (text.size() == 16) text += ":00";
  const auto minutes = abs(floor<std::chrono::minutes>(offset)).count();
  char end[24];
  std::snprintf(end, sizeof end, "%c%02d:%02d", offset < 0s ? '-' : '+',
                static_cast<int>(minutes / 60 % 100), static_cast<int>(minutes % 60));
  return text + end;
}

}  // namespace stream::streams
