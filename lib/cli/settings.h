// What the command line left open comes from the environment, then from files, then stays at its
// default: flag > STREAM_<TOOL>_<FLAG> > --config FILE > user file > system file > default.
#pragma once
#include <string>
#include <vector>

#include "cli/parse.h"

namespace stream::cli {

// "ladder" of "stream-ladder".
std::string tool_name(const Command& root);

// Adds the settings of the lower layers to `invocation`. Throws Error kConfig for a file with an
// unknown key.
void add_layers(Invocation& invocation, const Command& general,
                const std::vector<const Option*>& scope);

// Stores every value into its target. Throws Error kUsage (command line, environment) or kConfig
// (file) that names the flag, the variable or the position.
void apply_settings(const Invocation& invocation, bool secrets_in_urls);

// Names STREAM_* variables that mean nothing to any program, once each, on stderr.
void warn_about_environment(const Command& root, const Command& general);

}  // namespace stream::cli
