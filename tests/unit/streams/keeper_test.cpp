#include "streams/keeper.h"

#include <doctest/doctest.h>

#include <map>
#include <random>

#include "base/time.h"
#include "os/zone.h"
#include "unit/streams/virtual_time.h"

using namespace stream;
using namespace stream::streams;
using namespace std::chrono;
using manifest::StreamSession;
using manifest::WallTime;

namespace {

Schedule utc_schedule(const std::string& text) {
  return parse_schedule(config::Node::parse("time_zone: UTC\n" + text, "s.yaml"), false);
}

WallTime at(const std::string& time) {
  return *parse_rfc3339("2026-12-06T" + time + "Z");
}

// A stream that does what it is told, and writes it down as the supervisor does.
struct Kept {
  Schedule schedule;
  TimeZone zone;
  WallTime since = at("00:00:00");
  std::vector<StreamSession> known;

  Decision ask(WallTime now) const { return decide(schedule, zone, known, since, now); }
  StreamSession* open() {
    for (StreamSession& one : known)
      if (one.open()) return &one;
    return nullptr;
  }
  void note(StreamSession session) {
    manifest::Stream stream;
    stream.sessions = known;
    stream.note(std::move(session));
    known = stream.sessions;
  }
  Todo run(WallTime now) {
    const Decision d = ask(now);
    for (const Session& s : d.missed) note({s.start, s.end, s.title, true, {}, {}, "missed"});
    if (d.todo == Todo::kOpen || d.todo == Todo::kStay) {
      if (!open() || open()->start != d.session->start) {
        close(now);
        note({d.session->start, d.session->end, d.session->title, false, now, {}, {}});
      }
    }
    if (d.todo == Todo::kClose) close(now);
    return d.todo;
  }
  void close(WallTime now) {
    if (open()) open()->closed = now;
  }
};

Kept kept(const std::string& text) {
  return {utc_schedule(text), {}, at("00:00:00"), {}};
}

}  // namespace

TEST_CASE("a session: before, ready, open, closed, over") {
  Kept k = kept("at: 2026-12-06 10:00\nuntil: \"11:00\"\n");
  Decision d = k.ask(at("09:49:59"));
  CHECK(d.todo == Todo::kWait);
  CHECK(d.look == at("09:50:00"));
  CHECK(k.run(at("09:50:00")) == Todo::kOpen);
  d = k.ask(at("09:50:01"));
  CHECK(d.todo == Todo::kStay);
  CHECK(d.look == at("11:00:00"));
  CHECK(k.ask(at("10:59:59")).todo == Todo::kStay);
  CHECK(k.run(at("11:00:00")) == Todo::kClose);
  CHECK(k.ask(at("11:00:00")).todo == Todo::kOver);
  CHECK(k.ask(at("10:30:00")).todo == Todo::kOver);  // the clock was put back
  CHECK(k.ask(at("08:00:00")).todo == Todo::kOver);
  CHECK(k.known.size() == 1);
}

TEST_CASE("what was ended by somebody stays so; what was interrupted goes on") {
  Kept k = kept("at: [2026-12-06 10:00, 2026-12-06 20:00]\nduration: 3h\n");
  k.run(at("09:55:00"));
  CHECK(k.ask(at("12:30:00")).todo == Todo::kStay);  // later than it may begin
  k.close(at("10:10:00"));
  const Decision d = k.ask(at("10:10:01"));
  CHECK(d.todo == Todo::kWait);
  CHECK(d.session->start == at("20:00:00"));
  k.known.clear();
  k.run(at("09:55:00"));
  CHECK(k.ask(at("14:00:00")).todo == Todo::kClose);  // nobody was there at its end
}

TEST_CASE("a clock that is put back ends no session that has begun") {
  Kept k = kept("at: [2026-12-06 10:00, 2026-12-06 14:00]\nduration: 1h\n");
  k.run(at("09:55:00"));
  for (const char* back : {"09:49:00", "08:00:00", "00:00:01"}) {
    const Decision d = k.ask(at(back));
    CHECK(d.todo == Todo::kStay);
    CHECK(d.session->start == at("10:00:00"));
    CHECK(d.look == at("11:00:00"));
  }
  CHECK(k.ask(*parse_rfc3339("1970-01-01T00:00:00Z")).todo == Todo::kStay);
  CHECK(k.ask(at("11:00:00")).todo == Todo::kClose);
  k.schedule = utc_schedule("at: 2026-12-06 14:00\nduration: 1h\n");  // it is no session any more
  CHECK(k.ask(at("10:10:00")).todo == Todo::kClose);
  CHECK(k.ask(at("08:00:00")).todo == Todo::kClose);
}

TEST_CASE("late, and too late") {
  Kept k = kept("at: [2026-12-06 10:00, 2026-12-06 14:00]\nduration: 1h\nlate: 15m\n");
  CHECK(k.ask(at("10:15:00")).todo == Todo::kOpen);
  Decision d = k.ask(at("10:15:01"));
  CHECK(d.todo == Todo::kWait);
  REQUIRE(d.missed.size() == 1);
  CHECK(d.missed[0].start == at("10:00:00"));
  k.run(at("10:15:01"));
  CHECK(k.ask(at("10:16:00")).missed.empty());  // once
  CHECK(k.ask(at("10:01:00")).todo == Todo::kWait);
  k.since = at("10:30:00");
  k.known.clear();
  CHECK(k.ask(at("10:31:00")).missed.empty());  // before there was the stream
  k.schedule.late.reset();
  CHECK(k.ask(at("10:59:59")).todo == Todo::kOpen);
  CHECK(k.ask(at("11:00:00")).todo == Todo::kWait);
}

TEST_CASE("sessions that touch or overlap are gone through without an end") {
  Kept k = kept("at: [2026-12-06 10:00, 2026-12-06 11:00]\nduration: 1h\n");
  k.run(at("09:50:00"));
  CHECK(k.run(at("10:55:00")) == Todo::kStay);
  CHECK(k.known.size() == 1);
  CHECK(k.run(at("11:00:00")) == Todo::kStay);
  REQUIRE(k.known.size() == 2);
  CHECK(k.known[0].closed == at("11:00:00"));
  CHECK(k.known[1].open());
  CHECK(k.run(at("12:00:00")) == Todo::kClose);
  // A pause, if shorter than the time before the start, is an end.
  k = kept("at: [2026-12-06 10:00, 2026-12-06 11:05]\nduration: 1h\n");
  k.run(at("09:50:00"));
  CHECK(k.run(at("11:00:00")) == Todo::kClose);
  CHECK(k.run(at("11:00:00")) == Todo::kOpen);
  // The second has passed wholly within the first: not missed.
  k = kept("at: [{start: 2026-12-06 10:00, duration: 4h}, 2026-12-06 11:00]\nduration: 1h\n");
  k.run(at("10:00:00"));
  CHECK(k.run(at("13:00:00")) == Todo::kStay);
  CHECK(k.run(at("14:00:00")) == Todo::kClose);
  CHECK(k.ask(at("14:00:01")).missed.empty());
}

TEST_CASE("the schedule was changed while a session runs") {
  Kept k = kept("at: 2026-12-06 10:00\nduration: 1h\n");
  k.run(at("10:00:00"));
  k.schedule = utc_schedule("at: 2026-12-06 10:00\nduration: 2h\n");
  CHECK(k.ask(at("11:30:00")).todo == Todo::kStay);
  k.schedule = utc_schedule("at: 2026-12-06 16:00\nduration: 2h\n");
  CHECK(k.ask(at("10:30:00")).todo == Todo::kClose);
}

TEST_CASE("ten years of virtual time: whenever it is asked, each session is opened once") {
  std::mt19937 random(4711);
  for (const char* name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe"}) {
    Kept k{utc_schedule("cron: [30 2 * * *, 30 1 * * SUN]\nduration: 45m\nlate: all\n"),
           os::load_zone(name),
           *parse_rfc3339("2026-01-01T00:00:00Z"),
           {}};
    const WallTime end = *parse_rfc3339(kEndOfTime);
    std::map<WallTime, int> opened;
    size_t asked = 0;
    for (WallTime now = k.since; now < end; ++asked) {
      const Decision d = k.ask(now);
      CHECK(d.look > now);
      const size_t before = k.known.size();
      const StreamSession last = before ? k.known.back() : StreamSession{};
      const Todo todo = k.run(now);
      if (!k.known.empty() && k.known.back().start != last.start) ++opened[k.known.back().start];
      // What was closed is at once followed by the next look; now and then that is before it must.
      if (todo != Todo::kClose) now = random() % 4 ? d.look : now + (d.look - now) / 2 + 1s;
    }
    const auto all =
        sessions_between(k.schedule, k.zone, floor<seconds>(k.since), floor<seconds>(end));
    CHECK(opened.size() >= all.size() - 1);
    CHECK(opened.size() <= all.size());
    size_t wrong = 0;
    for (const auto& [start, times] : opened) wrong += times != 1;
    for (size_t i = 0; i < opened.size(); ++i) wrong += !opened.count(all[i].start);
    CHECK(wrong == 0);
    CHECK(std::none_of(k.known.begin(), k.known.end(), [](const auto& one) { return one.missed; }));
  }
}
