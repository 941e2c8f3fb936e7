// stream-ctl tick: one look at all schedules. It decides nothing for good: that is done by the
// stream-ctl up that it starts, under the stream's lock.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "ctl.h"
#include "os/zone.h"
#include "registry.h"
#include "streams/keeper.h"

namespace stream::ctl {
namespace {

using Json = nlohmann::json;

constexpr Nanoseconds kStart = std::chrono::seconds(10);

struct TickRow {
  std::string stream, action, session;  // for people
  Json json = nullptr;                  // session
  std::string failure;
};

const char* action_of(const streams::Decision& d, bool open_before) {
  switch (d.todo) {
    case streams::Todo::kOpen:
      return "open";
    case streams::Todo::kStay:
      return open_before ? "resume" : "open";
    case streams::Todo::kClose:
      return "close";
    case streams::Todo::kWait:
    case streams::Todo::kOver:
      break;
  }
  return d.missed.empty() ? "none" : "note";
}

// Until it has taken over, or has ended.
void start_one(const Given& given) {
  const os::Child child = spawn_up(given, "--once");
  const Nanoseconds deadline = monotonic_now() + kStart;
  while (!supervised(given.file.name) && monotonic_now() < deadline) {
    if (const auto ended = child.ended()) {
      // 15: another is at it, and does the same.
      if (ended->code == 0 || ended->code == 15) return;
      throw Error(Exit::kNo, "start.failed",
                  "stream-ctl up ended with " + std::to_string(ended->code),
                  "its messages are in " + log_of(given.file.name));
    }
    std::this_thread::sleep_for(kPoll);
  }
}

TickRow look_at(const manifest::Stream& stream, const streams::File& file, bool dry_run) {
  const TimeZone zone = os::load_zone(file.schedule->time_zone);
  const auto d = streams::decide(*file.schedule, zone, stream.sessions, stream.created, wall_now());
  const bool open = std::any_of(stream.sessions.begin(), stream.sessions.end(),
                                [](const auto& one) { return one.open(); });
  TickRow row{stream.name, action_of(d, open), {}, nullptr, {}};
  if (d.session) {
    row.session = streams::describe(*d.session, *file.schedule, zone);
    row.json = streams::to_json(*d.session, zone);
  }
  if (supervised(stream.name))
    row.action = "running";
  else if (row.action != "none" && !dry_run)
    start_one({file, {}});
  return row;
}

}  // namespace

int tick(const Options& options, const cli::Context& context) {
  Json list = Json::array();
  cli::Table table({"stream", "action", "session"});
  size_t failed = 0, all = 0, done = 0;
  for (const manifest::Stream& stream : known_streams()) {
    TickRow row{stream.name, "failed", {}, nullptr, {}};
    try {
      const streams::File file = streams::file_of(stream);
      if (!file.schedule) continue;
      row = look_at(stream, file, options.dry_run);
    } catch (const Error& e) {
      ++failed;
      row.failure = e.what();
      log::error(stream.name + ": " + e.what() + (e.hint().empty() ? "" : " (" + e.hint() + ")"));
    }
    ++all;
    if (row.action != "none" && row.action != "running") {
      table.add({row.stream, row.action, row.session});
      ++done;
    }
    list.push_back({{"stream", row.stream},
                    {"action", row.action},
                    {"session", row.json},
                    {"error", row.failure.empty() ? Json(nullptr) : Json(row.failure)}});
  }
  if (context.json())
    context.print_json(
        {{"schema", "stream.ctl.tick/1"}, {"dry_run", options.dry_run}, {"streams", list}});
  else if (done)  // else nothing: cron sends mail of what is printed
    context.print(table.text(options.tick_table));
  if (failed) return static_cast<int>(failed == all ? Exit::kNo : Exit::kPartial);
  return 0;
}

}  // namespace stream::ctl
