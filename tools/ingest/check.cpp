#include "check.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"
#include "ingest/sample_picker.h"
#include "media/input.h"

namespace stream::ingest {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

std::string shown(const std::string& source) {
  const auto url = parse_url(source);
  return escaped(url ? url->redacted() : source);
}

Json to_json(const media::Checks& checks, const CheckOptions& options) {
  Json rows = Json::array();
  bool ok = true;
  const auto list = media::check_list();
  for (const auto& result : checks.results()) {
    const auto& info = list[result.kind];
    ok = ok && !result.failed;
    rows.push_back({{"check", info.name},
                    {"ok", result.known ? Json(!result.failed) : Json(nullptr)},
                    {"value", result.known ? Json(result.value) : Json(nullptr)},
                    {"limit", info.limit},
                    {"unit", info.unit},
                    {"knob", info.knob}});
  }
  return {{"schema", "stream.input_check/1"},
          {"source", shown(options.source)},
          {"media_seconds", std::chrono::duration<double>(checks.media()).count()},
          {"ok", ok},
          {"checks", std::move(rows)}};
}

std::string report_text(const Json& report) {
  std::string text;
  char line[160];
  for (const Json& row : report["checks"]) {
    const auto name = row["check"].get<std::string>();
    if (row["ok"].is_null()) {
      std::snprintf(line, sizeof line, "-     %-19s not measured\n", name.c_str());
      text += line;
      continue;
    }
    const bool ok = row["ok"].get<bool>();
    std::snprintf(line, sizeof line, "%-5s %-19s %.3g %s, limit %.3g\n", ok ? "ok" : "WRONG",
                  name.c_str(), row["value"].get<double>(), row["unit"].get<std::string>().c_str(),
                  row["limit"].get<double>());
    text += line;
    if (!ok) text += "      turn: " + row["knob"].get<std::string>() + "\n";
  }
  return text;
}

int check(const CheckOptions& options, cli::Context& context) {
  media::MediaInput input(options.source);
  const bool live = !input.waits_for_reader();
  media::Checks checks(input.tracks(), live);
  media::SamplePicker picker(input.tracks(), live ? 1s : 0s);
  const Nanoseconds begin = monotonic_now();
  for (;;) {
    const auto item = input.read();
    const auto* packet = std::get_if<av::Packet>(&item);
    if (!packet) break;  // other tracks are another stream
    const Nanoseconds now = monotonic_now();
    checks.packet(*packet, now);
    if (const auto job = picker.packet(*packet)) (*job)()(checks);
    if ((live ? now - begin : checks.media()) >= options.seconds.value) break;
  }
  if (checks.media() <= 0s)
    throw Error(Exit::kInputDamaged, "input.empty", "no media came from " + shown(options.source));
  const Json report = to_json(checks, options);
  if (context.json())
    context.print_json(report);
  else
    context.print(report_text(report));
  return static_cast<int>(report["ok"].get<bool>() ? Exit::kOk : Exit::kNo);
}

}  // namespace

void declare_check(cli::Command& root, CheckOptions& options) {
  cli::Command verb("check", "measure a source and say what is wrong with it");
  verb.description(
      "Reads a file, a URL or bus:NAME for a while and measures key-frame interval, reordered "
      "pictures, bit and frame rate against what is announced, distance of sound and picture, "
      "gaps, "
      "drift of the clock, silence, and black or frozen pictures. Exit code 1 when one is beyond "
      "its limit; what helps stands beneath it.");
  verb.positional("SOURCE", options.source, "a file, a URL or bus:NAME")
      .url()
      .completes(cli::Completion::kFile);
  verb.option("--seconds", options.seconds, "TIME", "how much media is looked at");
  verb.example("stream-ingest check bus:demo --seconds 1m", "a stream that is live");
  verb.run(cli::predicate([&options](cli::Context& context) { return check(options, context); }));
  root.subcommand(std::move(verb));
}

}  // namespace stream::ingest
