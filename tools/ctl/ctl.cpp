#include "ctl.h"

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "observe.h"
#include "os/dirs.h"

namespace stream::ctl {
namespace {

using cli::Command;
using cli::Completion;
using cli::Context;

void declare_tool(Command& verb, Options& options) {
  verb.positional("TOOL", options.tool, "only this program of it: ingest, ladder, record, ...")
      .optional();
}

}  // namespace

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

void declare_name(Command& verb, Options& options) {
  verb.positional("NAME", options.name, "the stream").completes(Completion::kStream);
}

void check_name_or_all(const Options& options, const std::string& verb) {
  if (options.all == options.name.empty()) return;
  throw Error(
      Exit::kUsage, options.all ? "usage.value" : "usage.missing",
      options.all ? "--all and the name of a stream exclude each other" : "no stream is named",
      "for example stream-ctl " + verb + " --all");
}

std::vector<std::string> tools_of(const std::string& name, const std::string& tool, Duration wait) {
  check_stream_name(name);
  const std::string wanted = tool.starts_with("stream-") ? tool.substr(7) : tool;
  const Nanoseconds deadline = monotonic_now() + wait.value;
  std::vector<std::string> live;
  for (;;) {
    live = os::live_tools(name);
    if (wanted.empty() && !live.empty()) return live;
    if (std::find(live.begin(), live.end(), wanted) != live.end()) return {wanted};
    if (monotonic_now() >= deadline) break;
    std::this_thread::sleep_for(kPoll);
  }
  if (!live.empty())
    throw Error(Exit::kNotRunning, "stream.absent",
                "no '" + escaped(tool, 60) + "' is running for stream '" + name + "'",
                "running: " + joined(live));
  const auto names = os::live_streams();
  throw Error(Exit::kNotRunning, "stream.absent", "no stream '" + name + "' is running",
              names.empty() ? "nothing is live" : "live: " + joined(names));
}

Command command(Options& options) {
  Command root("stream-ctl", "say what streams are, run, watch and stop them");
  root.description(
      "Talks to the programs that serve a stream, by their control sockets "
      "RUNTIME/NAME/TOOL.sock. Only the same user and root are answered.");
  root.example("stream-ctl up stream.yaml", "Run a whole stream from its file");
  root.example("stream-ctl list", "Show what is live");
  root.example("stream-ctl plan stream.yaml", "Show what a stream will need of this machine");
  root.example("stream-ctl status demo --json", "Show all that is known about demo");
  root.example("stream-ctl events demo --follow", "Follow what happens to demo, as lines of JSON");
  root.example("stream-ctl stop demo", "End demo: its files are finalised");

  Command list_verb("list", "list streams that run or were applied");
  list_verb.description(
      "Of one with a schedule the session that runs or comes next is shown by its start; with "
      "--json the whole of it.");
  list_verb.flag("--live", options.live, "only those of which media flows");
  list_verb.option("--group", options.group, "NAME", "only those of this group");
  options.table.declare(list_verb, {"name", "tools", "state", "uptime", "next", "detail"});
  list_verb.run([&](Context& context) { return list(options, context); });

  Command status_verb("status", "show the state of a stream");
  declare_name(status_verb, options);
  declare_tool(status_verb, options);
  status_verb.option("--wait", options.wait, "TIME", "how long to wait for one that is starting");
  status_verb.run([&](Context& context) { return status(options, context); });

  Command stop_verb("stop", "end a stream, or one program of it");
  stop_verb.description(
      "Asks the programs to finalise what they write and end, and waits until they have. Of a "
      "stream that stream-ctl up runs, stream-ctl is asked to end all of it. What belongs to "
      "others "
      "goes on: an input that the stream file calls external ends when TOOL says ingest. What is "
      "not in its archive yet is taken there after that, see archive.");
  declare_name(stop_verb, options);
  declare_tool(stop_verb, options);
  stop_verb.option("--timeout", options.timeout, "TIME", "how long to wait until they are gone");
  stop_verb.flag("-n,--dry-run", options.dry_run, "say what would be stopped");
  stop_verb.run([&](Context& context) { return stop(options, context); });

  Command events_verb("events", "print events as lines of JSON");
  events_verb.description(
      "Prints the events of the stream's programs from now on, and ends when all of them have "
      "ended. stream-events(7) lists the events.");
  declare_name(events_verb, options);
  declare_tool(events_verb, options);
  events_verb.flag("--follow", options.follow,
                   "wait for programs that start later, and do not end");
  events_verb.run([&](Context& context) { return events(options, context); });

  root.file("STATE/NAME/stream.json", "the manifest of a stream that was applied, see stream(7)");

  Command call_verb("call", "call a method of a program and print its result as JSON");
  declare_name(call_verb, options);
  call_verb.positional("TOOL", options.tool, "the program");
  call_verb.positional("METHOD", options.method, "for example status");
  call_verb.positional("PARAMS", options.params, "a JSON object").optional();
  call_verb.run([&](Context& context) { return call(options, context); });

  root.subcommand(std::move(list_verb))
      .subcommand(std::move(status_verb))
      .subcommand(std::move(stop_verb))
      .subcommand(std::move(events_verb))
      .subcommand(std::move(call_verb));
  declare_file_verbs(root, options);
  declare_stream_verbs(root, options);
  declare_hooks_verbs(root, options);
  declare_observe_verbs(root);
  return root;
}

}  // namespace stream::ctl
