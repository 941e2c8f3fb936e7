#include "streams/schedule.h"

#include <doctest/doctest.h>

#include <set>

#include "base/error.h"
#include "base/time.h"
#include "os/zone.h"
#include "unit/streams/virtual_time.h"

using namespace stream;
using namespace stream::streams;
using namespace std::chrono;

namespace {

Schedule schedule_of(const std::string& text, bool own_source = false) {
  return parse_schedule(config::Node::parse(text, "s.yaml"), own_source);
}

std::string fault_of(const std::string& text) {
  try {
    schedule_of(text);
  } catch (const Error& e) {
    CHECK(e.code() == Exit::kConfig);
    CHECK(e.id() == "config.invalid");
    return std::string(e.what()) + " / " + e.hint();
  }
  return "none";
}

bool says(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

Instant utc(const char* text) {
  return floor<seconds>(*parse_rfc3339(text));
}

// "2027-03-28T01:00:00.000Z 1h" of those that come in a time.
std::vector<std::string> starts(const std::string& text, const char* from, const char* to) {
  const Schedule schedule = schedule_of(text);
  const TimeZone zone = os::load_zone(schedule.time_zone);
  std::vector<std::string> out;
  for (const Session& s : sessions_between(schedule, zone, utc(from), utc(to)))
    out.push_back(rfc3339(s.start).substr(0, 16) + " " +
                  std::to_string((s.end - s.start).count() / 60) + "m");
  return out;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("recurrences") {
  const auto days_of = [](const char* text, int first, int last) {
    std::string out;
    const Cron cron = parse_cron(text);
    for (int d = first; d <= last; ++d)
      if (cron.has_day(2026y / December / d)) out += std::to_string(d) + " ";
    return out;
  };
  CHECK(days_of("0 10 * * SUN", 1, 31) == "6 13 20 27 ");
  CHECK(days_of("0 10 * * 7", 1, 31) == "6 13 20 27 ");
  CHECK(days_of("0 10 * * fri-sat", 1, 14) == "4 5 11 12 ");
  CHECK(days_of("0 10 * * 5-7", 1, 14) == "4 5 6 11 12 13 ");
  CHECK(days_of("0 10 1,15 dec *", 1, 31) == "1 15 ");
  CHECK(days_of("0 10 * 1-11 *", 1, 31).empty());
  // As cron(8) has it: both restricted, either will do; else both must.
  CHECK(days_of("0 10 1 * SUN", 1, 14) == "1 6 13 ");
  CHECK(days_of("0 10 */2 * SUN", 1, 31) == "13 27 ");
  const Cron cron = parse_cron("*/20 8-18/5,23 * * *");
  CHECK(cron.minutes.count() == 3);
  CHECK(cron.hours.to_ullong() == (1u << 8 | 1u << 13 | 1u << 18 | 1u << 23));
  CHECK(parse_cron("5/20 * * * *").minutes.count() == 3);
  CHECK(parse_cron("0 0 29 2 SUN").text == "0 0 29 2 SUN");

  for (const char* bad :
       {"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *",
        "* * * * 8", "5-1 * * * *", "*/0 * * * *", "*/ * * * *", ", * * * *", "1, * * * *",
        "-1 * * * *", "1- * * * *", "x * * * *", "@daily", "0 0 30 2 *", "0 0 31 4,6,9,11 *"}) {
    CHECK_THROWS_AS_MESSAGE(parse_cron(bad), Error, bad);
  }
  CHECK_THROWS_AS(parse_cron(std::string(201, '*')), Error);
}

TEST_CASE("sessions, and their ends") {
  const char zone[] = "time_zone: Europe/Berlin\n";
  CHECK(starts(std::string(zone) + "at: 2026-12-06 10:00\nduration: 90m\n", "2026-12-01T00:00:00Z",
               "2027-01-01T00:00:00Z") == Words{"2026-12-06T09:00 90m"});
  CHECK(starts(std::string(zone) + "at:\n  - {start: \"2026-12-06T22:00\", until: \"01:30\"}\n"
                                   "  - {start: 2026-12-05 10:00, until: 2026-12-05 12:00}\n",
               "2026-12-01T00:00:00Z",
               "2027-01-01T00:00:00Z") == Words{"2026-12-05T09:00 120m", "2026-12-06T21:00 210m"});
  CHECK(starts(std::string(zone) +
                   "until: \"11:00\"\ncron:\n"
                   "  - {when: \"0 10 * * SUN\", from: 2026-12-10, to: 2026-12-20}\n"
                   "  - {when: \"30 20 24 12 *\", duration: 2h, title: Night}\n",
               "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z") ==
        Words{"2026-12-13T09:00 60m", "2026-12-20T09:00 60m", "2026-12-24T19:30 120m"});
  // Of one start, one session: the longest.
  CHECK(starts(std::string(zone) +
                   "duration: 1h\nat: 2026-12-06 10:00\ncron: [{when: \"0 10 * * 0\", "
                   "duration: 2h}, \"0 10 6 * *\"]\n",
               "2026-12-06T00:00:00Z", "2026-12-07T00:00:00Z") == Words{"2026-12-06T09:00 120m"});
}

TEST_CASE("days on which the clocks change") {
  const std::string berlin = "time_zone: Europe/Berlin\n";
  const char *spring = "2027-03-27T12:00:00Z", *spring_end = "2027-03-28T12:00:00Z";
  const char *autumn = "2027-10-30T12:00:00Z", *autumn_end = "2027-10-31T12:00:00Z";
  // Spring: at the next instant that there is, once.
  CHECK(starts(berlin + "cron: 30 2 * * *\nduration: 1h\n", spring, spring_end) ==
        Words{"2027-03-28T01:00 60m"});
  CHECK(starts(berlin + "cron: 0,30 1-3 * * *\nduration: 1m\n", spring, spring_end) ==
        Words{"2027-03-28T00:00 1m", "2027-03-28T00:30 1m", "2027-03-28T01:00 1m",
              "2027-03-28T01:30 1m"});
  CHECK(starts(berlin + "cron: 0 * * * *\nuntil: \"03:00\"\n", "2027-03-28T00:30:00Z",
               "2027-03-28T01:30:00Z") == Words{"2027-03-28T01:00 1440m"});
  // What the leap swallows keeps its length.
  CHECK(starts(berlin + "cron: 0 2 * * *\nuntil: \"03:00\"\n", spring, spring_end) ==
        Words{"2027-03-28T01:00 60m"});
  // Autumn: once, at the first.
  CHECK(starts(berlin + "cron: 30 2 * * *\nuntil: \"03:30\"\n", autumn, autumn_end) ==
        Words{"2027-10-31T00:30 120m"});
  CHECK(starts(berlin + "at: 2027-10-31 02:30\nduration: 1h\n", autumn, autumn_end) ==
        Words{"2027-10-31T00:30 60m"});
  // The other half of the year and of the earth; a leap of half an hour; one at midnight.
  CHECK(starts("time_zone: America/New_York\ncron: 30 2 * * *\nduration: 1h\n",
               "2027-03-14T00:00:00Z", "2027-03-15T00:00:00Z") == Words{"2027-03-14T07:00 60m"});
  CHECK(starts("time_zone: Australia/Lord_Howe\ncron: 15 2 * * *\nduration: 1h\n",
               "2027-10-02T00:00:00Z", "2027-10-03T12:00:00Z") == Words{"2027-10-02T15:30 60m"});
  CHECK(starts("time_zone: America/Santiago\ncron: 0 0 * * *\nduration: 1h\n",
               "2027-09-04T12:00:00Z", "2027-09-05T12:00:00Z") == Words{"2027-09-05T04:00 60m"});
}

// Each minute that a clock may show is one instant, by the definition and not by the search for it.
TEST_CASE("ten years in twenty zones: each session once, none left out") {
  const Instant from = utc("2026-01-01T00:00:00Z"), to = utc(kEndOfTime);
  for (const char* name : {"UTC",
                           "Europe/Berlin",
                           "Europe/London",
                           "Europe/Dublin",
                           "America/New_York",
                           "America/Sao_Paulo",
                           "America/Santiago",
                           "America/St_Johns",
                           "America/Nuuk",
                           "America/Havana",
                           "Asia/Kolkata",
                           "Asia/Tehran",
                           "Asia/Jerusalem",
                           "Asia/Gaza",
                           "Africa/Cairo",
                           "Africa/Casablanca",
                           "Australia/Lord_Howe",
                           "Australia/Sydney",
                           "Pacific/Chatham",
                           "Pacific/Apia"}) {
    CAPTURE(std::string(name));
    const TimeZone zone = os::load_zone(name);
    const Schedule schedule = schedule_of("time_zone: UTC\ncron: 0,30 * * * *\nduration: 1m\n");
    const auto sessions = sessions_between(schedule, zone, from, to, 1'000'000);
    std::set<seconds> offsets;
    for (Instant at = from; at < to; at += 24h) offsets.insert(zone.offset_at(at));
    std::set<Instant> wanted;
    size_t wrong = 0;
    for (Local time = floor<hours>(zone.local(from)) - 2h; time < zone.local(to) + 2h;
         time += 30min) {
      const Instant as_utc(time.time_since_epoch());
      std::optional<Instant> first;
      for (const seconds offset : offsets)
        if (zone.offset_at(as_utc - offset) == offset && (!first || as_utc - offset < *first))
          first = as_utc - offset;
      const Instant found = zone.instant(time);
      const bool leap = zone.local(found - 1s) < time && zone.local(found) > time;
      wrong += first ? found != *first : !leap;
      if (found >= from && found < to) wanted.insert(found);
    }
    CHECK(wrong == 0);
    CHECK(sessions.size() == wanted.size());
    CHECK(std::equal(sessions.begin(), sessions.end(), wanted.begin(), wanted.end(),
                     [](const Session& s, Instant i) { return s.start == i; }));
  }
}

TEST_CASE("what comes next") {
  const Schedule schedule = schedule_of(
      "time_zone: Europe/Berlin\nat: 2026-12-06 10:00\ncron: {when: 0 0 29 2 *, duration: 1h}\n"
      "duration: 90m\nready: 5m\n");
  const TimeZone zone = os::load_zone("Europe/Berlin");
  const auto list = sessions_after(schedule, zone, utc("2026-12-06T10:29:59Z"), 3);
  REQUIRE(list.size() == 3);
  CHECK(list[0].start == utc("2026-12-06T09:00:00Z"));  // runs
  CHECK(list[0].ready == utc("2026-12-06T08:55:00Z"));
  CHECK(list[1].start == utc("2028-02-28T23:00:00Z"));
  CHECK(list[2].start == utc("2032-02-28T23:00:00Z"));
  CHECK(sessions_after(schedule, zone, utc("2026-12-06T10:30:00Z"), 1)[0].start == list[1].start);
  const Schedule over = schedule_of("time_zone: UTC\nat: 2020-01-01 00:00\nduration: 1h\n");
  CHECK(sessions_after(over, {}, utc("2026-12-06T10:30:00Z"), 9).empty());
  CHECK(describe(list[0], schedule, zone) == "2026-12-06 10:00 to 11:30 Europe/Berlin");
  CHECK(rfc3339_local(zone, list[0].start) == "2026-12-06T10:00:00+01:00");
  CHECK(rfc3339_local(os::load_zone("America/St_Johns"), list[0].start) ==
        "2026-12-06T05:30:00-03:30");
}

TEST_CASE("the section: defaults, normal form, errors with place and right word") {
  const std::string base = "time_zone: Europe/Berlin\nduration: 1h\n";
  CHECK(schedule_of(base + "at: 2026-12-06 10:00\n").ready == 10min);
  CHECK(schedule_of(base + "at: 2026-12-06 10:00\n", true).ready == 0s);
  CHECK(*schedule_of(base + "at: 2026-12-06 10:00\n").late == 30min);
  CHECK_FALSE(schedule_of(base + "at: 2026-12-06 10:00\nlate: all\n").late);
  const std::string whole =
      base +
      "at: [2026-12-06 10:00, {start: 2026-12-07 10:00:05, until: 2026-12-08 01:00, title: x}]\n"
      "cron: [{when: 0 10 * * sun, until: \"09:00\", from: 2026-01-01, to: 2027-01-01}]\n"
      "ready: 0s\nlate: 45s\n";
  const Schedule schedule = schedule_of(whole);
  CHECK(schedule_of(to_json(schedule).dump()) == schedule);
  for (size_t n = 0; n < whole.size(); ++n) {
    const std::string said = fault_of(whole.substr(0, n));
    CHECK((said == "none" || said.find("s.yaml:") == 0));
  }
  CHECK(fault_of("time_zone: Europe/Berlni\nat: 2026-12-06 10:00\n") ==
        "s.yaml:1:12: 'Europe/Berlni' is no time zone / did you mean Europe/Berlin?");
  CHECK(fault_of(base + "cron: 0 10 * * SUM\n") ==
        "s.yaml:3:7: 'SUM' is no day of the week: it is from 0 to 7, or SUN to SAT / did you mean "
        "SUN?");
  CHECK(says(fault_of(base + "corn: x\n"), "did you mean cron?"));
  CHECK(says(fault_of("at: 2026-12-06 10:00\nduration: 1h\n"), "'time_zone' is missing"));
  CHECK(says(fault_of("time_zone: UTC\nat: 2026-12-06 10:00\n"),
             "nothing says when the session ends"));
  CHECK(says(fault_of(base), "no sessions"));
  CHECK(
      says(fault_of(base + "at: 2026-02-29 10:00\n"), "s.yaml:3:5: '2026-02-29 10:00' is no day"));
  CHECK(says(fault_of(base + "at: 2026-12-06\n"), "is no day and time"));
  CHECK(says(fault_of(base + "at: []\n"), "the list is empty"));
  CHECK(says(fault_of(base + "at: {start: 2026-12-06 10:00, until: 2026-12-06 09:00}\n"),
             "not within seven days after"));
  CHECK(says(fault_of(base + "at: {start: 2026-12-06 10:00, until: \"24:00\"}\n"),
             "no time of a clock"));
  CHECK(says(fault_of(base + "cron: {when: 0 1 * * *, until: 2026-12-06 09:00}\n"),
             "only a time of"));
  CHECK(says(fault_of(base + "cron: {when: 0 1 * * *, from: 2026-12-06, to: 2026-12-05}\n"),
             "before the first"));
  CHECK(
      says(fault_of(base + "until: \"10:00\"\nat: 2026-12-06 10:00\n"), "both duration and until"));
  CHECK(says(fault_of(base + "ready: 10\nat: 2026-12-06 10:00\n"), "s.yaml:3:8: '10'"));
  CHECK(says(fault_of(base + "ready: 25h\nat: 2026-12-06 10:00\n"), "is not from"));
}
