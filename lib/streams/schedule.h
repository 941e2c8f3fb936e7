// When a stream is to be live: sessions, by the clocks of a place. Each becomes an instant once:
// where the clocks leap over its time it begins at the leap, where they show it twice at the first.
// Pure.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/time_zone.h"
#include "config/node.h"
#include "streams/cron.h"

namespace stream::streams {

using Instant = TimeZone::Instant;
using Local = TimeZone::Local;

inline constexpr size_t kMaxTitle = 200;  // bytes, of a session and of a stream

// One session, or those of a recurrence.
struct Sessions {
  std::optional<Local> at;  // either this
  std::optional<Cron> cron;
  std::optional<std::chrono::local_days> from, to;  // of a recurrence: the first and the last day
  // One of these: how long; until that time of the day, on the next day when it is not after the
  // start; until that time.
  std::optional<std::chrono::seconds> duration, until_time;
  std::optional<Local> until;
  std::string title;
  bool operator==(const Sessions&) const = default;
};

struct Schedule {
  std::string time_zone;
  std::vector<Sessions> sessions;
  std::chrono::seconds ready{};              // publishers may come so long before
  std::optional<std::chrono::seconds> late;  // may begin so late; nullopt: until its end
  bool operator==(const Schedule&) const = default;
};

struct Session {
  Instant ready, start, end;
  std::string title;
  bool operator==(const Session&) const = default;
};

// Those that start in [from, to), in order, at most `most`; of those that start at one instant the
// longest.
std::vector<Session> sessions_between(const Schedule& schedule, const TimeZone& zone, Instant from,
                                      Instant to, size_t most = 100'000);
// The first that end after `from`; fewer when no more come until 2200.
std::vector<Session> sessions_after(const Schedule& schedule, const TimeZone& zone, Instant from,
                                    size_t most);
// What no session is longer than.
std::chrono::seconds longest(const Schedule& schedule);

// The section "schedule". `own_source`: media comes as soon as the programs run, so that they need
// no time before. Throws Error kConfig "config.invalid" with file, line and column. Reads the zone.
Schedule parse_schedule(const config::Node& node, bool own_source);
nlohmann::json to_json(const Schedule& schedule);

// For people: "2026-12-06 10:00 to 11:30 Europe/Berlin: Service".
std::string describe(const Session& session, const Schedule& schedule, const TimeZone& zone);
// {start_at, end_at, ready_at, start_local, end_local, title}.
nlohmann::json to_json(const Session& session, const TimeZone& zone);
// "2026-12-06 10:00", with seconds when there are any.
std::string to_text(Local time);
// "2026-12-06T10:00:00+01:00".
std::string rfc3339_local(const TimeZone& zone, Instant instant);

}  // namespace stream::streams
