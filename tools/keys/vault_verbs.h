// What the files of the verb `vault` share.
#pragma once
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/run.h"

namespace stream::tools {

cli::Command init_command();
cli::Command rekey_command();
cli::Command export_command();
cli::Command import_command();

std::string time_text(int64_t milliseconds);
// With --json: {"schema":"stream.vault.change/1","verb":...,"names":[...]}.
void print_entry_change(const cli::Context& context, const char* verb,
                        const std::vector<std::string>& names, bool dry_run);

}  // namespace stream::tools
