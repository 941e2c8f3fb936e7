#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "ctl.h"
#include "os/zone.h"
#include "registry.h"

namespace stream::ctl {

namespace {

using Json = nlohmann::json;

streams::Instant begin_of(const Options& options) {
  const auto now = options.from.empty() ? wall_now() : parse_rfc3339(options.from);
  if (!now)
    throw Error(Exit::kUsage, "usage.value",
                "'" + escaped(options.from, 60) + "' is no time in UTC",
                "write it as 2027-03-27T00:00:00Z");
  return std::chrono::floor<std::chrono::seconds>(*now);
}

}  // namespace

int schedule(const Options& options, const cli::Context& context) {
  const streams::File file = read_given(options.file).file;
  if (!file.schedule)
    throw Error(Exit::kConfig, "schedule.absent", "the stream '" + file.name + "' has no schedule",
                "add the section schedule to its file, see stream.yaml(5)");
  const streams::Schedule& schedule = *file.schedule;
  const TimeZone zone = os::load_zone(schedule.time_zone);
  const auto sessions =
      streams::sessions_after(schedule, zone, begin_of(options), static_cast<size_t>(options.next));
  Json list = Json::array();
  cli::Table table({"start", "end", "ready", "title"});
  for (const streams::Session& session : sessions) {
    if (context.json())
      list.push_back(streams::to_json(session, zone));
    else
      table.add({streams::rfc3339_local(zone, session.start),
                 streams::rfc3339_local(zone, session.end),
                 streams::rfc3339_local(zone, session.ready), escaped(session.title)});
  }
  if (context.json())
    context.print_json(
        {{"schema", "stream.ctl.schedule/1"},
         {"stream", file.name},
         {"time_zone", schedule.time_zone},
         {"ready_seconds", schedule.ready.count()},
         {"late_seconds", schedule.late ? Json(schedule.late->count()) : Json(nullptr)},
         {"sessions", std::move(list)}});
  else
    context.print(table.text(options.schedule_table));
  return 0;
}

}  // namespace stream::ctl
