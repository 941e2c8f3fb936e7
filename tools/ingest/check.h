// stream-ingest check: measures a source for a while and says what is wrong with it.
#pragma once
#include <string>

#include "base/units.h"
#include "cli/run.h"

namespace stream::ingest {

struct CheckOptions {
  std::string source;
  Duration seconds{std::chrono::seconds(15)};
};
void declare_check(cli::Command& root, CheckOptions& options);

}  // namespace stream::ingest
