#include "observe.h"

#include "ctl.h"

namespace stream::ctl {

std::vector<observe::Answer> gather_named(const std::string& name) {
  if (name.empty()) return observe::gather();
  tools_of(name, "");
  return observe::gather(name);
}

void declare_observe_verbs(cli::Command& root) {
  root.subcommand(metrics_command())
      .subcommand(top_command())
      .subcommand(graph_command())
      .subcommand(doctor_command())
      .subcommand(install_command());
}

}  // namespace stream::ctl
