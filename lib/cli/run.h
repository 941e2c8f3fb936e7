// The one main() of all programs: parses, layers (flag, environment, files, default), runs the
// verb, turns what it throws into an error text and the exit code of stream(7).
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "cli/command.h"

namespace stream::cli {

// What every program takes.
struct Common {
  int verbose = 0;
  bool quiet = false, json = false;
  std::string color = "auto", log = "text", progress = "auto", config;
};

// Handed to the action of a verb. Used by the main thread.
class Context {
 public:
  Context(std::string tool, const Common& common) : tool_(std::move(tool)), common_(common) {}

  const std::string& tool() const { return tool_; }  // "ladder" of stream-ladder
  const Common& common() const { return common_; }
  bool json() const { return common_.json; }

  // Write to stdout at once; a reader that went away ends the program quietly by SIGPIPE.
  void print(std::string_view text) const;                // as it is
  void print_json(const nlohmann::json& document) const;  // one line; give it a "schema"
  // One line on stderr that says what is true now; nothing with -q.
  void confirm(std::string_view line) const;

 private:
  std::string tool_;
  const Common& common_;
};

// For verbs that answer yes (0) or no (1): a failure to find out must not look like a no, so an
// Error of kNo leaves as kConfig.
Action predicate(Action action);

// Never throws. An action returns its exit code; an action that ends with Exit::kInterrupted makes
// the process die by SIGINT, so that the shell's loops stop as well.
int run_tool(int argc, char** argv, Command root);

}  // namespace stream::cli
