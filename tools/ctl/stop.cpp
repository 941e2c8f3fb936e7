#include <algorithm>
#include <chrono>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "archive.h"
#include "base/error.h"
#include "control/client.h"
#include "ctl.h"
#include "hooks.h"
#include "os/dirs.h"
#include "os/unix_socket.h"
#include "registry.h"

namespace stream::ctl {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

const std::string kArchive = "archive";

// What still listens at the deadline.
std::vector<std::string> wait_gone(const std::string& name, std::vector<std::string> tools,
                                   Clock::time_point deadline) {
  for (;;) {
    std::erase_if(tools, [&](const std::string& tool) {
      return !os::socket_is_live(os::control_socket_path(name, tool));
    });
    if (tools.empty() || Clock::now() >= deadline) return tools;
    std::this_thread::sleep_for(kPoll);
  }
}

// What of `tools` belongs to the stream's file: what its supervisor runs, or, when that is gone,
// all but what the file says that others run. These go on.
std::vector<std::string> own_tools(const std::string& name, const std::vector<std::string>& tools) {
  std::vector<std::string> own;
  const auto is_one_of = [](const Json& programs, const std::string& tool) {
    return std::any_of(programs.begin(), programs.end(), [&](const Json& one) {
      return one.value("program", "") == "stream-" + tool;
    });
  };
  const auto add_if = [&](auto&& test) {
    std::copy_if(tools.begin(), tools.end(), std::back_inserter(own), test);
  };
  if (std::find(tools.begin(), tools.end(), "ctl") != tools.end()) {
    try {
      const Json status = control::Client(os::control_socket_path(name, "ctl")).call("status");
      const Json programs = status.value("programs", Json::array());
      add_if([&](const std::string& tool) { return tool == "ctl" || is_one_of(programs, tool); });
    } catch (const Error& e) {
      if (e.code() == Exit::kNotAllowed) throw;
      own = tools;  // a silent one is found by waiting
    }
  } else if (const auto stream = find_stream(name)) {
    const auto file = streams::file_of(*stream);
    add_if([&](const std::string& tool) {
      return std::none_of(file.parts.begin(), file.parts.end(), [&](const streams::Part& part) {
        return part.section->tool == tool && part.find("external");
      });
    });
  } else {
    own = tools;
  }
  return own;
}

// What a supervisor that was killed could not write down any more.
void note_end(const std::string& name) {
  auto stream = find_stream(name);
  if (!stream) return;
  const auto lock = stream_lock(name);
  const auto now = wall_now();
  bool moved = false;
  if (auto* session = stream->open_session()) {
    session->closed = now;
    session->reason = "it was asked to end";
    moved = true;
  }
  for (const auto cause : {manifest::Cause::kEndAsked, manifest::Cause::kAllEnded})
    moved |= stream->move(cause, "it was asked to end", now);
  if (!moved) return;
  auto files = store();
  manifest::save_stream(files, *stream);
  tell_moves(*stream);
  manifest::save_stream(files, *stream);
  deliver_waiting(streams::file_of(*stream), kTellAtEnd);
}

}  // namespace

int stop(const Options& options, const cli::Context& context) {
  const auto deadline = Clock::now() + options.timeout.value;
  const bool whole = options.tool.empty();
  std::vector<std::string> tools = tools_of(options.name, options.tool);
  std::vector<std::string> others;
  if (whole) {
    others = std::exchange(tools, own_tools(options.name, tools));
    std::erase_if(others, [&](const std::string& tool) {
      return std::find(tools.begin(), tools.end(), tool) != tools.end();
    });
    if (tools.empty())
      throw Error(Exit::kNotRunning, "stream.absent",
                  "nothing that belongs to stream '" + options.name + "' is running",
                  "its input is external: stream-ctl stop " + options.name + " ingest ends that");
  }
  // Readers first: they finalise what they have while the source is still there.
  std::stable_partition(tools.begin(), tools.end(),
                        [](const std::string& tool) { return tool != "ingest"; });
  // Its supervisor ends them in order, and would start again what others end.
  const bool has_supervisor = std::find(tools.begin(), tools.end(), "ctl") != tools.end();
  const std::vector<std::string> asked =
      whole && has_supervisor ? std::vector<std::string>{"ctl"} : tools;
  std::vector<std::string> left;
  if (!options.dry_run) {
    for (const std::string& tool : asked) {
      try {
        control::Client(os::control_socket_path(options.name, tool)).call("stop");
      } catch (const Error& e) {
        // Gone in the meantime is what was asked for; a silent one is found by waiting.
        if (e.code() == Exit::kNotAllowed) throw;
      }
    }
    // What takes recordings away comes back at once, to finish that.
    if (has_supervisor) std::erase(tools, kArchive);
    left = wait_gone(options.name, tools, deadline);
  }
  if (!left.empty())
    throw Error(
        Exit::kTimeout, "stop.timeout",
        joined(left) + " of '" + options.name + "' still runs after " + to_text(options.timeout),
        "look at: stream-ctl status " + options.name);
  const bool ends_stream = whole && !has_supervisor && tools != std::vector{kArchive};
  if (ends_stream && !options.dry_run) {
    note_end(options.name);
    leave_archive(options.name);
  }
  if (context.json())
    context.print_json({{"schema", "stream.ctl.stop/1"},
                        {"stream", options.name},
                        {"tools", tools},
                        {"others", others},
                        {"dry_run", options.dry_run}});
  else
    context.confirm(options.name + (options.dry_run ? ": would stop " : ": stopped ") +
                    joined(tools) + (others.empty() ? "" : "; not its own: " + joined(others)));
  return 0;
}

}  // namespace stream::ctl
