#include "streams/coming.h"

#include "base/time.h"
#include "os/zone.h"
#include "streams/keeper.h"

namespace stream::streams {
namespace {

Coming coming_of(const std::optional<Session>& session, const Schedule& schedule,
                 const TimeZone& zone) {
  if (!session) return {session, nullptr, {}, "all its sessions are over", {}};
  const std::string when = describe(*session, schedule, zone);
  return {session, to_json(*session, zone), rfc3339_local(zone, session->start),
          "next session " + when, when};
}

}  // namespace

Coming coming_of(const File& file) {
  if (!file.schedule) return {};
  const TimeZone zone = os::load_zone(file.schedule->time_zone);
  const auto list =
      sessions_after(*file.schedule, zone, std::chrono::floor<std::chrono::seconds>(wall_now()), 1);
  return coming_of(list.empty() ? std::nullopt : std::optional(list[0]), *file.schedule, zone);
}

Coming coming_of(const manifest::Stream& stream) {
  return coming_of(stream, file_of(stream));
}

Coming coming_of(const manifest::Stream& stream, const File& file) {
  if (!file.schedule) return {};
  const TimeZone zone = os::load_zone(file.schedule->time_zone);
  const Decision d = decide(*file.schedule, zone, stream.sessions, stream.created, wall_now());
  return coming_of(d.session, *file.schedule, zone);
}

}  // namespace stream::streams
