// The verbs that make files of files: repair, remux, concat, clip.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/run.h"

namespace stream::record {

struct CopyArguments {
  std::vector<std::string> inputs;
  std::string input, output;
  std::optional<Duration> from, to;
  bool exact = false;
};

int repair(const CopyArguments& arguments, cli::Context& context);
int remux(const CopyArguments& arguments, cli::Context& context);
int concat(const CopyArguments& arguments, cli::Context& context);
int clip(const CopyArguments& arguments, cli::Context& context);

void declare_copies(cli::Command& root, CopyArguments& arguments);

}  // namespace stream::record
