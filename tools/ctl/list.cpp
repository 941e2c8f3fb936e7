#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "ask.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "ctl.h"
#include "os/dirs.h"
#include "os/unix_socket.h"
#include "registry.h"
#include "streams/coming.h"

namespace stream::ctl {
namespace {

using Json = nlohmann::json;

// A stream is what the least advanced of its programs is.
std::string overall(const Answers& answers) {
  for (const char* state : {"stopping", "starting"})
    for (const Json& tool : answers.tools)
      if (tool.value("state", "") == state) return state;
  return answers.tools.empty() ? "silent" : "running";
}

std::string uptime(const Answers& answers) {
  double longest = 0;
  for (const Json& tool : answers.tools)
    longest = std::max(longest, tool.value("uptime_seconds", 0.0));
  return longest < 1 ? "0s"
                     : to_text(Duration{std::chrono::seconds(static_cast<int64_t>(longest))});
}

std::string tools_cell(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ",") + word;
  return out;
}

bool is_live_now(const std::string& name) {
  return os::socket_is_live(os::media_socket_path(name));
}

const manifest::Stream* find(const std::vector<manifest::Stream>& streams,
                             const std::string& name) {
  for (const auto& stream : streams)
    if (stream.name == name) return &stream;
  return nullptr;
}

// A list is no place to fail over one damaged manifest.
streams::Coming coming(const manifest::Stream* stream) {
  try {
    if (stream) return streams::coming_of(*stream);
  } catch (const Error& e) {
    log::warning(e.what());
  }
  return {};
}

}  // namespace

int list(const Options& options, const cli::Context& context) {
  const std::vector<manifest::Stream> known = known_streams();
  std::set<std::string> names;
  for (const std::string& name : os::live_streams()) names.insert(name);
  for (const auto& stream : known) names.insert(stream.name);
  Json streams = Json::array();
  cli::Table table({"name", "tools", "state", "uptime", "next", "detail"});
  for (const std::string& name : names) {
    const manifest::Stream* stream = find(known, name);
    if (!options.group.empty() && (!stream || stream->group != options.group)) continue;
    if (options.live && !is_live_now(name)) continue;
    const auto tools = os::live_tools(name);
    const Answers answers = ask_status(name, tools);
    std::string detail = stream ? stream->title : "";
    for (const Json& tool : answers.tools)
      if (detail.empty()) detail = tool.value("detail", "");
    const std::string life = stream ? std::string(manifest::to_text(stream->life)) : "";
    const std::string state = tools.empty() && stream ? life : overall(answers);
    const streams::Coming next = coming(stream);
    table.add({name, tools_cell(tools), state, tools.empty() ? "" : uptime(answers), next.start,
               escaped(detail)});
    streams.push_back({{"name", name},
                       {"state", state},
                       {"lifecycle", manifest::or_null(life)},
                       {"title", stream ? manifest::or_null(stream->title) : Json(nullptr)},
                       {"group", stream ? manifest::or_null(stream->group) : Json(nullptr)},
                       {"next_session", next.json},
                       {"tools", answers.tools},
                       {"failed", answers.failed}});
  }
  if (context.json())
    context.print_json({{"schema", "stream.ctl.list/1"}, {"streams", streams}});
  else
    context.print(table.text(options.table));
  return 0;
}

}  // namespace stream::ctl
