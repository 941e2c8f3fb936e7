// The schedule: sleeping until a session, opening and closing it.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/text.h"
#include "base/units.h"
#include "os/zone.h"
#include "streams/supervisor.h"

namespace stream::streams {
namespace {

using namespace std::chrono;
using manifest::Cause;
using manifest::Life;
using manifest::or_null;
using manifest::StreamSession;
using manifest::WallTime;

Json fields_of(WallTime start, WallTime end, const std::string& title) {
  return {{"start_at", rfc3339(start)}, {"end_at", rfc3339(end)}, {"title", or_null(title)}};
}

}  // namespace

void Supervisor::begin_run() {
  if (keep_ == Keep::kNow || !file_.schedule) {
    move(Cause::kReset, "it is run again");
    want_all();
    return;
  }
  zone_ = os::load_zone(file_.schedule->time_zone);
  asleep_ = true;
  // What still runs is taken over by a session, or ended.
  for (const Section& section : sections())
    if (section.name != "archive") branch(std::string(section.tool)).want(std::nullopt);
  want_archive();
}

// Told by the wall clock alone, and anew when that was put back.
void Supervisor::keep(Nanoseconds now) {
  const WallTime wall = wall_now();
  const bool put_back = wall < looked_;
  looked_ = wall;
  if (!zone_ || ending_ || leaving_ || service_.stopping()) return;
  if (!put_back && wall < look_) return;
  const Decision d = decide(*file_.schedule, *zone_, stream_.sessions, stream_.created, wall);
  look_ = d.look;
  if (d.todo != Todo::kClose) schedule_changed_ = false;
  timer_.set(look_);
  note_missed(d.missed);
  switch (d.todo) {
    case Todo::kOpen:
    case Todo::kStay:
      return open_session(*d.session, wall);
    case Todo::kClose:
      if (clock_has_leapt(now)) {
        look_ = wall + 1s;
        return;
      }
      asleep_ = false;
      return begin_end("its session has ended", false, now);
    case Todo::kWait:
    case Todo::kOver:
      return rest(d, now);
  }
}

// A session that is on the air ends when the wall clock and the time that it has run say so: a
// clock that somebody sets costs no stream.
bool Supervisor::clock_has_leapt(Nanoseconds now) {
  if (asleep_ || schedule_changed_ || now >= session_until_) return false;
  if (!std::exchange(clock_told_, true))
    log::warning(file_.name + ": by the clock its session is over, but that was set since: it " +
                 "goes on for " + to_text(Duration{floor<seconds>(session_until_ - now)}) +
                 "; stream-ctl stop " + file_.name + " ends it");
  return true;
}

void Supervisor::rest(const Decision& d, Nanoseconds now) {
  if (!asleep_ || (stream_.life != Life::kScheduled && stream_.life != Life::kCompleted &&
                   stream_.life != Life::kError)) {
    asleep_ = false;
    return begin_end("no session is due", false, now);
  }
  const std::string text = text_of(d);
  next_ = d.todo == Todo::kWait ? streams::to_json(*d.session, *zone_) : Json(nullptr);
  if (d.todo == Todo::kWait)
    move(Cause::kReset, text);
  else if (stream_.life == Life::kScheduled)
    move(Cause::kEndAsked, text);
  leaving_ = d.todo == Todo::kOver || keep_ == Keep::kOnce;
  tell_ready(file_.name + ": " + text);
  log::info(file_.name + ": " + text);
}

// The service manager is told once; then it is a line of its status.
void Supervisor::tell_ready(const std::string& text) {
  if (told_ready_) return service_.status_line(text);
  told_ready_ = true;
  service_.ready(text);
}

void Supervisor::open_session(const Session& session, WallTime now) {
  StreamSession* open = stream_.open_session();
  const bool resumed = open && open->start == session.start;
  if (resumed) {
    if (!asleep_ && open->end == session.end) return;
    open->end = session.end;
  } else {
    if (open) close_session("the next follows");
    stream_.note({session.start, session.end, session.title, false, now, std::nullopt, {}});
  }
  session_until_ = monotonic_now() + duration_cast<Nanoseconds>(session.end - now);
  clock_told_ = false;
  save();  // before anything runs: whoever comes after a crash knows it was opened
  const double late = std::max(0.0, duration<double>(now - session.start).count());
  Json fields = fields_of(session.start, session.end, session.title);
  fields["late_seconds"] = late;
  fields["resumed"] = resumed;
  service_.emit("session.opened", fields);
  log::info(file_.name + ": session " + describe(session, *file_.schedule, *zone_) +
            (resumed     ? ", resumed"
             : late >= 1 ? ", late by " + to_text(Duration{floor<seconds>(now - session.start)})
                         : ""));
  next_ = nullptr;
  if (!asleep_) return;
  asleep_ = opened_ = false;
  media_gone_ = monotonic_now();
  move(Cause::kReset, "its session begins");
  want_all();
}

void Supervisor::close_session(const std::string& reason) {
  StreamSession* open = stream_.open_session();
  if (!open) return;
  open->closed = wall_now();
  open->reason = reason;
  Json fields = fields_of(open->start, open->end, open->title);
  fields["reason"] = reason;
  save();
  service_.emit("session.closed", std::move(fields));
}

void Supervisor::note_missed(const std::vector<Session>& missed) {
  for (const Session& session : missed) {
    const std::string why =
        looked_ < session.end ? "it is later than the schedule allows" : "nothing ran in its time";
    stream_.note(
        {session.start, session.end, session.title, true, std::nullopt, std::nullopt, why});
    Json fields = fields_of(session.start, session.end, session.title);
    fields["reason"] = why;
    service_.emit("session.missed", std::move(fields));
    log::warning(file_.name + ": session " + describe(session, *file_.schedule, *zone_) +
                 " was missed: " + why);
  }
  if (!missed.empty()) save();
}

// A schedule that was changed counts at once; without one, what runs goes on until it is stopped.
void Supervisor::take_schedule() {
  look_ = {};
  schedule_changed_ = true;
  if (file_.schedule) {
    zone_ = os::load_zone(file_.schedule->time_zone);
    return;
  }
  zone_.reset();
  next_ = nullptr;
  leaving_ = asleep_;
}

// After the programs have ended: true when there is more to come, and waits for it.
bool Supervisor::go_on() {
  if (asleep_) return false;
  if (!service_.stopping() || asked_) close_session(end_reason_);
  move(failed_ ? Cause::kFailed : Cause::kAllEnded, end_reason_);
  if (!zone_) return false;
  const Decision d = decide(*file_.schedule, *zone_, stream_.sessions, stream_.created, wall_now());
  const bool more = d.todo != Todo::kOver;
  if (more) move(Cause::kReset, text_of(d));
  if (!more || service_.stopping() || keep_ == Keep::kOnce) return false;
  asleep_ = true;
  ending_ = failed_ = over_ = opened_ = false;
  look_ = {};
  for (const auto& one : branches_) one->want(std::nullopt);
  want_archive();
  return true;
}

std::string Supervisor::text_of(const Decision& d) const {
  if (!d.session) return "all its sessions are over";
  return (d.todo == Todo::kWait ? "next session " : "session ") +
         describe(*d.session, *file_.schedule, *zone_);
}

Json Supervisor::session_status() const {
  for (const StreamSession& one : stream_.sessions)
    if (one.open()) return fields_of(one.start, one.end, one.title);
  return nullptr;
}

}  // namespace stream::streams
