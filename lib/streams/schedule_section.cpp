// The section "schedule" of the stream file.
#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "base/units.h"
#include "os/zone.h"
#include "streams/schedule.h"

namespace stream::streams {
namespace {

using namespace std::chrono;
using config::Node;
using Json = nlohmann::json;

constexpr size_t kMaxSessions = 200;
constexpr seconds kMostLength = 7 * 24h, kMostReady = 24h, kMostLate = 7 * 24h;
constexpr seconds kReady = 10min, kLate = 30min;

// The number of that many digits; -1: there is none.
int take_number(std::string_view& text, size_t digits) {
  if (text.size() < digits) return -1;
  int value = 0;
  for (const char c : text.substr(0, digits)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool take(std::string_view& text, std::string_view any) {
  if (text.empty() || any.find(text[0]) == any.npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<local_days> take_date(std::string_view& text) {
  const int y = take_number(text, 4);
  const int m = y >= 1970 && y < 2200 && take(text, "-") ? take_number(text, 2) : -1;
  const int d = m > 0 && take(text, "-") ? take_number(text, 2) : -1;
  if (d < 0) return std::nullopt;
  const year_month_day date(year(y), month(static_cast<unsigned>(m)),
                            day(static_cast<unsigned>(d)));
  if (!date.ok()) return std::nullopt;
  return local_days(date);
}

std::optional<seconds> take_time(std::string_view& text) {
  const int h = take_number(text, 2);
  const int m = h >= 0 && take(text, ":") ? take_number(text, 2) : -1;
  const int s = m >= 0 && take(text, ":") ? take_number(text, 2) : 0;
  if (h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59) return std::nullopt;
  return hours(h) + minutes(m) + seconds(s);
}

std::optional<Local> date_time(std::string_view text) {
  const auto date = take_date(text);
  if (!date || !take(text, " T")) return std::nullopt;
  const auto time = take_time(text);
  if (!time || !text.empty()) return std::nullopt;
  return *date + *time;
}

std::optional<seconds> time_of_day(std::string_view text) {
  const auto time = take_time(text);
  return time && text.empty() ? time : std::nullopt;
}

seconds read_duration(const Node& node, seconds least, seconds most) {
  try {
    const auto value = floor<seconds>(parse_duration(node.text()).value);
    if (value >= least && value <= most) return value;
  } catch (const Error& e) {
    if (e.id() == "config.invalid") throw;
    node.fail(e.what(), e.hint());
  }
  node.fail("'" + escaped(node.text(), 60) + "' is not from " + to_text(Duration{least}) + " to " +
            to_text(Duration{most}));
}

local_days read_date(const Node& node) {
  std::string_view text = node.text();
  const auto date = take_date(text);
  if (!date || !text.empty())
    node.fail("'" + escaped(node.text(), 60) + "' is no day", "write it as 2026-12-06");
  return *date;
}

// `duration` and `until`, of a session or of all that say neither.
void read_end(const Node& node, Sessions& s) {
  const Node *duration = node.find("duration"), *until = node.find("until");
  if (duration && until) until->fail("both duration and until are given", "say one of them");
  if (duration) {
    s.duration = read_duration(*duration, 1s, kMostLength);
  } else if (until) {
    const std::string& text = until->text();
    s.until_time = time_of_day(text);
    s.until = date_time(text);
    if (!s.until && !s.until_time)
      until->fail("'" + escaped(text, 60) + "' is no time of a clock",
                  "write 11:30, or a day and a time: 2026-12-06 11:30");
    if (s.until && !s.at)
      until->fail("of what recurs only a time of the day can be the end", "write 11:30");
  }
}

void read_title(const Node& node, Sessions& s) {
  const Node* title = node.find("title");
  if (!title) return;
  s.title = title->text();
  if (s.title.size() > kMaxTitle) title->fail("the title is longer than 200 bytes");
}

bool has_end(const Sessions& s) {
  return s.duration || s.until || s.until_time;
}

// A word, or a map that says more; `key` is where the word stands in it.
Sessions read_session(const Node& node, const char* key, const Sessions& defaults) {
  Sessions s;
  const bool recurs = std::string_view(key) == "when";
  const Node& when = node.is_map() ? node.at(key) : node;
  if (recurs) {
    try {
      s.cron = parse_cron(when.text());
    } catch (const Error& e) {
      if (e.id() == "config.invalid") throw;
      when.fail(e.what(), e.hint());
    }
  } else {
    s.at = date_time(when.text());
    if (!s.at)
      when.fail("'" + escaped(when.text(), 60) + "' is no day and time",
                "write \"2026-12-06 10:00\", as the clocks there show it");
  }
  if (node.is_map()) {
    if (recurs)
      node.only({"when", "duration", "until", "title", "from", "to"});
    else
      node.only({"start", "duration", "until", "title"});
    read_end(node, s);
    read_title(node, s);
    if (const Node* from = recurs ? node.find("from") : nullptr) s.from = read_date(*from);
    if (const Node* to = recurs ? node.find("to") : nullptr) {
      s.to = read_date(*to);
      if (s.from && *s.to < *s.from) to->fail("the last day is before the first");
    }
  }
  if (!has_end(s)) s.duration = defaults.duration, s.until_time = defaults.until_time;
  if (!has_end(s))
    node.fail("nothing says when the session ends", "add duration: 90m, or until: \"11:30\"");
  if (s.until && (*s.until <= *s.at || *s.until - *s.at > kMostLength))
    node.at("until").fail("the end is not within seven days after the start");
  return s;
}

void read_list(const Node* list, const char* key, const Sessions& defaults,
               std::vector<Sessions>& out) {
  if (!list) return;
  if (!list->is_list()) {
    out.push_back(read_session(*list, key, defaults));
    return;
  }
  if (list->items().empty()) list->fail("the list is empty", "leave the key out");
  for (const Node& item : list->items()) out.push_back(read_session(item, key, defaults));
  if (out.size() > kMaxSessions) list->fail("more than 200 lines of a schedule");
}

void read_zone(const Node& node, Schedule& schedule) {
  schedule.time_zone = node.text();
  try {
    os::load_zone(schedule.time_zone);
  } catch (const Error& e) {
    node.fail(e.what(), e.hint());
  }
}

// As parse_duration() takes it: one unit.
std::string span_text(seconds time) {
  const auto count = time.count();
  if (count % 3600 == 0 && count > 0) return std::to_string(count / 3600) + "h";
  if (count % 60 == 0 && count > 0) return std::to_string(count / 60) + "m";
  return std::to_string(count) + "s";
}

std::string clock_text(seconds time) {
  return to_text(Local(time)).substr(11);
}

std::string date_text(local_days day) {
  return to_text(Local(day)).substr(0, 10);
}

}  // namespace

Schedule parse_schedule(const Node& node, bool own_source) {
  node.only({"time_zone", "at", "cron", "duration", "until", "ready", "late"});
  Schedule schedule;
  if (const Node* zone = node.find("time_zone"))
    read_zone(*zone, schedule);
  else
    node.fail("'time_zone' is missing in schedule", "say whose clocks: Europe/Berlin, or UTC");
  Sessions defaults;
  read_end(node, defaults);
  const Node *at = node.find("at"), *cron = node.find("cron");
  if (!at && !cron)
    node.fail("the schedule has no sessions",
              "say at: \"2026-12-06 10:00\" or cron: \"0 10 * * SUN\"");
  read_list(at, "start", defaults, schedule.sessions);
  read_list(cron, "when", defaults, schedule.sessions);
  schedule.ready = own_source ? 0s : kReady;
  if (const Node* ready = node.find("ready"))
    schedule.ready = read_duration(*ready, 0s, kMostReady);
  schedule.late = kLate;
  if (const Node* late = node.find("late")) {
    schedule.late.reset();
    if (late->text() != "all") schedule.late = read_duration(*late, 0s, kMostLate);
  }
  return schedule;
}

Json to_json(const Schedule& schedule) {
  Json out{{"time_zone", schedule.time_zone},
           {"ready", span_text(schedule.ready)},
           {"late", schedule.late ? span_text(*schedule.late) : "all"}};
  for (const Sessions& s : schedule.sessions) {
    Json one = Json::object();
    if (s.at)
      one["start"] = to_text(*s.at);
    else
      one["when"] = s.cron->text;
    if (s.duration) one["duration"] = span_text(*s.duration);
    if (s.until) one["until"] = to_text(*s.until);
    if (s.until_time) one["until"] = clock_text(*s.until_time);
    if (!s.title.empty()) one["title"] = s.title;
    if (s.from) one["from"] = date_text(*s.from);
    if (s.to) one["to"] = date_text(*s.to);
    out[s.at ? "at" : "cron"].push_back(std::move(one));
  }
  return out;
}

}  // namespace stream::streams
