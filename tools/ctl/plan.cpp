#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "ctl.h"
#include "registry.h"
#include "streams/coming.h"
#include "streams/estimate.h"

namespace stream::ctl {
namespace {

using Json = nlohmann::json;

std::string number(double value, const char* format) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// As it could be typed.
std::string command_line(const std::vector<std::string>& argv) {
  std::string out;
  for (const std::string& word : argv) {
    const bool plain =
        !word.empty() && word.find_first_of(" \t\n'\"\\$`&;|<>()*?[]{}#~!") == std::string::npos;
    out += out.empty() ? "" : " ";
    if (plain) {
      out += word;
      continue;
    }
    out += "'";
    for (const char c : word) out += c == '\'' ? "'\\''" : std::string(1, c);
    out += "'";
  }
  return out;
}

Json need_json(const streams::Need& need) {
  return {{"cores", need.cores}, {"up_bps", need.up_bps}, {"disk_bytes_per_hour", need.disk_bytes}};
}

std::vector<std::string> row(const streams::Need& need, const std::string& command) {
  return {need.tool == "total" ? need.tool : "stream-" + need.tool, number(need.cores, "%.2f"),
          number(need.up_bps / 1e6, "%.1f Mbit/s"), number(need.disk_bytes / 1e9, "%.2f GB/h"),
          command};
}

int print_figures(const cli::Context& context) {
  Json list = Json::array();
  cli::Table table({"figure", "value", "unit", "source"});
  for (const streams::Figure& f : streams::figures()) {
    list.push_back({{"name", f.name}, {"value", f.value}, {"unit", f.unit}, {"source", f.source}});
    table.add(
        {std::string(f.name), number(f.value, "%.4g"), std::string(f.unit), std::string(f.source)});
  }
  if (context.json())
    context.print_json({{"schema", "stream.ctl.figures/1"}, {"figures", list}});
  else
    context.print(table.text({}));
  return 0;
}

}  // namespace

int plan(const Options& options, const cli::Context& context) {
  const streams::File file = streams::load_file(options.file);
  if (options.figures) return print_figures(context);
  const auto processes = streams::processes(file);
  const streams::Estimate estimate = streams::estimate(file);
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  const streams::Need total = estimate.total();
  const streams::Coming coming = coming_of(file);
  Json list = Json::array();
  cli::Table table({"program", "cores", "up", "disk", "command"});
  for (size_t i = 0; i < processes.size(); ++i) {
    table.add(row(estimate.needs[i], command_line(processes[i].argv)));
    Json one = need_json(estimate.needs[i]);
    one["program"] = "stream-" + processes[i].tool;
    one["argv"] = processes[i].argv;
    list.push_back(std::move(one));
  }
  table.add(row(
      total, std::to_string(cores) + " cores are here" + (total.cores > cores ? ": too few" : "")));
  if (context.json())
    context.print_json({{"schema", "stream.ctl.plan/1"},
                        {"stream", file.name},
                        {"input_bps", estimate.input_bps},
                        {"cores_here", cores},
                        {"total", need_json(total)},
                        {"next_session", coming.json},
                        {"programs", list}});
  else
    context.print(table.text(options.plan_table));
  if (!context.json() && !coming.text.empty()) context.confirm(coming.text);
  return 0;
}

}  // namespace stream::ctl
