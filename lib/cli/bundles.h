// Groups of options that several programs share: same names, same words, same checks. A program
// holds the struct, calls declare() on its command and reads the members after parsing.
#pragma once
#include <optional>
#include <string>

#include "cli/command.h"
#include "control/service.h"

namespace stream::cli {

// -i: refused when it is "-" and stdin is a terminal.
struct InputBundle {
  std::string input;  // "-", "bus:NAME", "bus:NAME/RUNG", a path or a URL
  void declare(Command& command, bool required = true);
};

// -o for media; refused when it is "-" and stdout is a terminal.
struct OutputBundle {
  std::string output;          // "-", a path or a URL
  std::string format = "nut";  // nut mpegts matroska flv
  void declare(Command& command, bool required = true);
};

// --name and --events of a long-running program.
struct ServiceBundle {
  std::string name, events;
  void declare(Command& command);
  // `tool` as Context::tool(); `name_if_none` is used when --name was not given ("demo" of
  // "-i bus:demo").
  control::ServiceOptions service(const std::string& tool,
                                  const std::string& name_if_none = {}) const;
};

// The NAME of "bus:NAME", checked; empty for anything else.
std::string bus_name(const std::string& text);
// What a program that reads `input` is called when --name was not given: "demo" for "bus:demo",
// "demo-720p" for "bus:demo/720p", so that several may read one stream's rungs; empty for any other
// input. Throws Error kUsage for what can't be the name of a bus.
std::string name_for(const std::string& input);

}  // namespace stream::cli
