#include "cli/bundles.h"

#include "base/error.h"
#include "base/lower.h"
#include "base/text.h"
#include "cli/terminal.h"

namespace stream::cli {

void InputBundle::declare(Command& command, bool required) {
  Option& o = command.option("-i,--input", input, "-|bus:NAME|FILE|URL",
                             "media to read: standard input, a live stream, a file or a URL; "
                             "bus:NAME/RUNG is a rung of its ladder");
  o.url().completes(Completion::kBus);
  o.is_required = required;
  command.check([this] {
    name_for(input);
    if (input == "-" && is_terminal(0))
      throw Error(Exit::kUsage, "input.terminal",
                  "--input - reads media from standard input, which is a terminal",
                  "pipe media in, for example: stream-ingest --test-pattern -o - | ...");
  });
}

void OutputBundle::declare(Command& command, bool required) {
  Option& o = command.option("-o,--output", output, "-|FILE|URL",
                             "where the media goes: standard output, a file or a URL");
  o.url().completes(Completion::kFile);
  o.is_required = required;
  command.option("--format", format, "FORMAT", "container of the output")
      .choices({"nut", "mpegts", "matroska", "flv"});
  command.check([this] {
    if (output == "-" && is_terminal(1))
      throw Error(Exit::kUsage, "output.terminal",
                  "--output - writes media to standard output, which is a terminal",
                  "pipe it to a program (... | ffplay -) or into a file");
  });
}

void ServiceBundle::declare(Command& command) {
  command.option("--name", name, "NAME", "stream name, under which stream-ctl finds this program")
      .completes(Completion::kStream);
  command
      .option("--events", events, "-|FD|FILE|unix:PATH",
              "write events as JSON lines; stream-events(7) lists them")
      .completes(Completion::kFile);
  command.check([this] {
    if (!name.empty()) check_stream_name(name);
  });
}

control::ServiceOptions ServiceBundle::service(const std::string& tool,
                                               const std::string& name_if_none) const {
  return {tool, name.empty() ? name_if_none : name, events};
}

std::string bus_name(const std::string& text) {
  if (!text.starts_with("bus:")) return {};
  std::string name = text.substr(4);
  check_stream_name(name);
  return name;
}

std::string name_for(const std::string& input) {
  if (!input.starts_with("bus:")) return {};
  std::string name = input.substr(4);
  check_bus_name(name);
  const auto [stream, rung] = split_bus_name(name);
  if (!rung) return name;
  const std::string joined = std::string(stream) + "-" + lower(*rung);
  return is_stream_name(joined) ? joined : std::string(stream);
}

}  // namespace stream::cli
