// stream-ctl start: the stream runs without a terminal from now on; where its publisher and its
// viewers come to.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "ask.h"
#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "base/url.h"
#include "ctl.h"
#include "os/child.h"
#include "os/dirs.h"
#include "registry.h"
#include "streams/coming.h"

namespace stream::ctl {
namespace {

using Json = nlohmann::json;

// Publishers may come, or it waits for a session of its schedule.
bool is_up(const std::string& name) {
  if (!supervised(name)) return false;
  const auto stream = find_stream(name);
  if (!stream) return false;
  if (stream->life == manifest::Life::kScheduled)
    for (const Json& tool : ask_status(name, {"ctl"}).tools)
      if (tool.value("next_session", Json()).is_object()) return true;
  return stream->life == manifest::Life::kReady || stream->life == manifest::Life::kLive;
}

void wait_ready(const os::Child& child, const std::string& name, const std::string& log,
                Duration timeout) {
  const Nanoseconds deadline = monotonic_now() + timeout.value;
  while (!is_up(name)) {
    // Ended with 15: another one is at it, and is waited for.
    if (const auto ended = child.ended(); ended && ended->code != 15) {
      const auto known = {Exit::kUsage,  Exit::kUnsupported, Exit::kNotAllowed,
                          Exit::kConfig, Exit::kNetwork,     Exit::kLocked};
      const Exit code = static_cast<Exit>(ended->code);
      throw Error(
          std::find(known.begin(), known.end(), code) != known.end() ? code : Exit::kNo,
          "start.failed",
          "'" + name + "' did not start: stream-ctl up ended with " + std::to_string(ended->code),
          "its messages are in " + log);
    }
    if (monotonic_now() >= deadline)
      throw Error(Exit::kTimeout, "start.timeout",
                  "'" + name + "' is not ready after " + to_text(timeout),
                  "it goes on starting; look at: stream-ctl status " + name + ", and " + log);
    std::this_thread::sleep_for(kLookAtManifest);
  }
}

// Where publishers go and what they say there; of SRT the key is the stream id.
Json publish_addresses(const streams::File& file, const Json& status) {
  Json list = Json::array();
  const streams::Part& input = *file.find("input");
  if (!input.find("listen")) return list;
  const bool open = input.find("open");
  Json listeners = status.value("listeners", Json::array());
  if (listeners.empty()) listeners = input.find("listen")->values;
  for (const Json& one : listeners) {
    const auto url = parse_url(one.get<std::string>());
    const auto whip = url ? whip_url(*url, file.name) : std::nullopt;
    list.push_back({{"kind", url ? url->scheme : ""},
                    {"server", whip ? Json(*whip) : one},
                    {"key", open ? Json(file.name) : Json(nullptr)},
                    {"key_file", manifest::or_null(input.value("key_file"))}});
  }
  return list;
}

Json addresses(const streams::File& file) {
  Json ingest = Json::object(), serve = Json::object();
  for (const Json& tool : ask_status(file.name, os::live_tools(file.name)).tools) {
    if (tool.value("tool", "") == "stream-ingest") ingest = tool;
    if (tool.value("tool", "") == "stream-serve") serve = tool;
  }
  const std::string url = serve.value("url", "");
  Json playback = Json::array();
  // A stream whose directory is served itself is the first page.
  const streams::Part* part = file.find("serve");
  const bool whole = part && !part->find("hls");
  const bool hls = !whole || !streams::hls_output(file).empty();
  if (!url.empty() && hls) playback.push_back(whole ? url : url + file.name + "/");
  if (!url.empty() && part && part->find("whep")) playback.push_back(url + file.name + "/live");
  return {{"publish", publish_addresses(file, ingest)},
          {"playback", playback},
          {"media", "bus:" + file.name}};
}

void print_addresses(const Json& found, const cli::Context& context) {
  std::string text;
  for (const Json& one : found["publish"]) {
    text += "server:   " + one["server"].get<std::string>() + "\n";
    if (one["key"].is_string())
      text += "key:      " + one["key"].get<std::string>() + "\n";
    else
      text += "key:      one of " + one.value("key_file", "") + ", as stream-keys printed it\n";
  }
  for (const Json& one : found["playback"]) text += "playback: " + one.get<std::string>() + "\n";
  text += "media:    " + found["media"].get<std::string>() + "\n";
  context.print(text);
}

}  // namespace

int start(const Options& options, const cli::Context& context) {
  const Given given = read_given(options.file);
  const std::string& name = given.file.name;
  const std::string log = log_of(name);
  const bool running = is_up(name);
  if (!running) {
    const os::Child child = spawn_up(given, options.now ? "--now" : "");
    wait_ready(child, name, log, options.start_timeout);
  }
  // Of one that ran already what runs counts, whatever a file says by now.
  const manifest::Stream stream = known_stream(name);
  const streams::File file = streams::file_of(stream);
  const Json found = addresses(file);
  const streams::Coming coming = coming_of(file);
  if (context.json()) {
    Json document{{"schema", "stream.ctl.start/1"},
                  {"stream", name},
                  {"started", !running},
                  {"state", manifest::to_text(stream.life)},
                  {"next_session", coming.json},
                  {"log", log}};
    document.update(found);
    context.print_json(document);
  } else {
    context.confirm(name + (running ? ": runs already" : ": started") + "; stream-ctl stop " +
                    name + " ends it" + (coming.text.empty() ? "" : "; " + coming.text));
    print_addresses(found, context);
  }
  return 0;
}

}  // namespace stream::ctl
