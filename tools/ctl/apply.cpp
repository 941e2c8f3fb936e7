#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "control/client.h"
#include "ctl.h"
#include "hooks/hooks.h"
#include "os/dirs.h"
#include "registry.h"
#include "streams/process.h"

namespace stream::ctl {
namespace {

using Json = nlohmann::json;

int tell(const cli::Context& context, const std::string& name, bool changed, bool running,
         bool dry_run) {
  if (context.json())
    context.print_json({{"schema", "stream.ctl.apply/1"},
                        {"stream", name},
                        {"changed", changed},
                        {"running", running},
                        {"dry_run", dry_run}});
  else if (!changed)
    context.confirm(name + ": nothing changed");
  else
    context.confirm(name + (dry_run ? ": would be applied" : ": applied") +
                    (running ? ", what runs is changed" : "; stream-ctl up " + name + " runs it"));
  return 0;
}

// To the supervisor that runs it, which changes what differs.
int apply_running(const Given& given, const cli::Context& context) {
  control::Client client(os::control_socket_path(given.file.name, "ctl"));
  const Json answer =
      client.call("apply", {{"file", streams::to_json(given.file)}, {"path", given.path}});
  return tell(context, given.file.name, answer.value("changed", false), true, false);
}

}  // namespace

int apply(const Options& options, const cli::Context& context) {
  const Given given = read_given(options.file);
  const std::string& name = given.file.name;
  const auto known = find_stream(name);
  const bool changed = !known || known->file != streams::to_json(given.file);
  if (options.dry_run) return tell(context, name, changed, supervised(name), true);
  if (supervised(name)) return apply_running(given, context);
  const auto lock = stream_lock(name);
  manifest::Stream stream = manifest_of(given);
  if (changed) stream.move(manifest::Cause::kReset, "it was applied anew", wall_now());
  auto files = store();
  if (changed || !known || known->path != stream.path) manifest::save_stream(files, stream);
  return tell(context, name, changed, false, false);
}

int create(const Options& options, const cli::Context& context) {
  const Given given = read_given(options.file);
  if (find_stream(given.file.name))
    throw Error(Exit::kUsage, "stream.exists",
                "there is a stream '" + given.file.name + "' already",
                "stream-ctl apply changes it, stream-ctl delete removes it");
  return apply(options, context);
}

int remove(const Options& options, const cli::Context& context) {
  const manifest::Stream stream = known_stream(options.name);
  const auto tools = os::live_tools(stream.name);
  if (!tools.empty())
    throw Error(Exit::kLocked, "stream.running",
                "'" + stream.name + "' runs: " + std::to_string(tools.size()) + " programs",
                "end it first: stream-ctl stop " + stream.name);
  if (!options.dry_run) {
    const auto lock = stream_lock(stream.name);
    store().remove(manifest::stream_key(stream.name));
    std::error_code ignored;  // what waits for hooks is of no use to a stream of the same name
    std::filesystem::remove_all(hooks::hooks_directory(stream.name), ignored);
  }
  if (context.json())
    context.print_json(
        {{"schema", "stream.ctl.delete/1"}, {"stream", stream.name}, {"dry_run", options.dry_run}});
  else
    context.confirm(stream.name + (options.dry_run ? ": would be deleted" : ": deleted") +
                    "; recordings and playlists stay");
  return 0;
}

int diff(const Options& options, const cli::Context& context) {
  const Given given = read_given(options.file);
  const auto known = find_stream(given.file.name);
  streams::File before;
  before.name = given.file.name;
  if (known) before = streams::file_of(*known);
  const streams::Difference d = streams::difference(before, given.file);
  const bool differs = !known || !d.empty();
  if (context.json()) {
    context.print_json({{"schema", "stream.ctl.diff/1"},
                        {"stream", given.file.name},
                        {"differs", differs},
                        {"known", known.has_value()},
                        {"started", d.started},
                        {"ended", d.ended},
                        {"restarted", d.restarted},
                        {"destinations_set", d.destinations_set},
                        {"destinations_removed", d.destinations_removed}});
  } else {
    std::string text = known ? "" : "new stream " + given.file.name + "\n";
    for (const auto& [list, what] :
         {std::pair{&d.started, "start stream-"}, std::pair{&d.ended, "end stream-"},
          std::pair{&d.restarted, "restart stream-"},
          std::pair{&d.destinations_set, "set destination "},
          std::pair{&d.destinations_removed, "remove destination "}})
      for (const std::string& one : *list) text += what + one + "\n";
    if (d.other) text += "change title or group\n";
    context.print(text);
  }
  return differs ? static_cast<int>(Exit::kNo) : 0;
}

}  // namespace stream::ctl
