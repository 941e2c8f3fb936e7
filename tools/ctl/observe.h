// The verbs that look at running streams; each owns its options.
#pragma once
#include <string>

#include "cli/command.h"
#include "observe/gather.h"

namespace stream::ctl {

cli::Command metrics_command();
cli::Command top_command();
cli::Command graph_command();
cli::Command install_command();
cli::Command doctor_command();

void declare_observe_verbs(cli::Command& root);

// Of the stream NAME, or of all when it is empty. Throws Error kNotRunning "stream.absent" when
// NAME does not run.
std::vector<observe::Answer> gather_named(const std::string& name);

}  // namespace stream::ctl
