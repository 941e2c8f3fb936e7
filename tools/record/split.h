// split: a file as MP4 parts of a size.
#pragma once
#include <string>

#include "base/units.h"
#include "cli/command.h"
#include "cli/run.h"

namespace stream::record {

struct SplitArguments {
  std::string input, output, events;
  ByteSize size;
  bool on_demand = false, dry_run = false;
};

void declare_split(cli::Command& root, SplitArguments& arguments);

}  // namespace stream::record
