// The command line into settings by the rules of POSIX and GNU: --flag=value and --flag value,
// bundled letters, "--", options before and after operands and verbs; no abbreviations. Our own
// and not CLI11's: there "--flag=" takes the next word as its value, a verb's name can't be an
// operand, and files rank above the environment.
#pragma once
#include <string>
#include <vector>

#include "cli/command.h"

namespace stream::cli {

struct Setting {
  const Option* option;
  std::vector<std::string> values;
  std::string origin;  // "command line", "STREAM_LADDER_SEGMENT", "FILE:3:5"
};

struct Invocation {
  std::vector<const Command*> path;  // the root and the verbs
  std::vector<Setting> settings;

  const Command& command() const { return *path.back(); }
  std::string words() const;  // "stream-ladder plan"
  const Setting* find(const Option& option) const;
};

// All that `path`'s last command takes: its own, what it inherits, and the root's general options.
std::vector<const Option*> options_in_scope(const std::vector<const Command*>& path,
                                            const Command& general);

// Throws Error kUsage.
Invocation parse(const Command& root, const Command& general, const std::vector<std::string>& args);

// The verbs that `args` name, whatever else is wrong with them: for --help.
std::vector<const Command*> named_path(const Command& root, const std::vector<std::string>& args);

// Throws Error kUsage for a required option or operand that has no value and for excluded pairs.
void check_complete(const Invocation& invocation, const std::vector<const Option*>& scope);

const Command* find_verb(const Command& command, const std::string& name);

}  // namespace stream::cli
