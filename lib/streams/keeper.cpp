#include "streams/keeper.h"

#include <algorithm>

namespace stream::streams {
namespace {

using namespace std::chrono;
using manifest::StreamSession;
using manifest::WallTime;

constexpr size_t kMostMissed = 100;         // as many as a manifest keeps
constexpr seconds kMissedWithin = 7 * 24h;  // what was missed before that is history
constexpr seconds kLook = 24h;

bool is_known(const std::vector<StreamSession>& known, const Session& session) {
  return std::any_of(known.begin(), known.end(),
                     [&](const StreamSession& one) { return one.start == session.start; });
}

// Another ran at its start.
bool was_covered(const std::vector<StreamSession>& known, const Session& session) {
  return std::any_of(known.begin(), known.end(), [&](const StreamSession& one) {
    return one.opened && *one.opened <= session.start &&
           (!one.closed || *one.closed > session.start);
  });
}

bool too_late(const Schedule& schedule, const Session& session, WallTime now) {
  return now >= session.end || (schedule.late && now > session.start + *schedule.late);
}

std::vector<Session> missed_of(const Schedule& schedule, const TimeZone& zone,
                               const std::vector<StreamSession>& known, WallTime since,
                               WallTime now) {
  WallTime from = std::max(since, now - kMissedWithin);
  // What was before the last that is known was judged then.
  if (!known.empty()) from = std::max(from, known.back().start);
  std::vector<Session> out;
  const Instant begin = ceil<seconds>(from);
  for (Session& s : sessions_between(schedule, zone, begin, ceil<seconds>(now)))
    if (too_late(schedule, s, now) && !is_known(known, s) && !was_covered(known, s))
      out.push_back(std::move(s));
  if (out.size() > kMostMissed) out.erase(out.begin(), out.end() - kMostMissed);
  return out;
}

}  // namespace

Decision decide(const Schedule& schedule, const TimeZone& zone,
                const std::vector<StreamSession>& known, WallTime since, WallTime now) {
  Decision d;
  d.missed = missed_of(schedule, zone, known, since, now);
  const Instant second = floor<seconds>(now);
  const auto near =
      sessions_between(schedule, zone, second - longest(schedule), second + schedule.ready + 1s);
  const auto open =
      std::find_if(known.begin(), known.end(), [](const StreamSession& one) { return one.open(); });
  const auto covers = [&](const Session& s) { return s.start <= now && now < s.end; };
  if (open != known.end()) {
    d.todo = Todo::kClose;
    d.look = now + kLook;
    for (const Session& s : near)
      if (covers(s) && !is_known(known, s) && !d.session) d.session = s;
    // Also when the clock was put back to before its start: what has begun goes on.
    const Instant begin = floor<seconds>(open->start);
    for (const Session& s : sessions_between(schedule, zone, begin, begin + 1s))
      if (s.start == open->start && now < s.end) d.session = s;
    if (d.session) d.todo = Todo::kStay, d.look = d.session->end;
    return d;
  }
  for (const Session& s : near) {
    if (now < s.ready || is_known(known, s) || too_late(schedule, s, now)) continue;
    d.todo = Todo::kOpen;
    d.session = s;
    d.look = s.end;
    return d;
  }
  d.todo = Todo::kOver;
  d.look = now + kLook;
  for (const Session& s : sessions_after(schedule, zone, second, known.size() + near.size() + 1)) {
    if (is_known(known, s) || s.start < now) continue;
    d.todo = Todo::kWait;
    d.session = s;
    d.look = s.ready;
    break;
  }
  return d;
}

}  // namespace stream::streams
