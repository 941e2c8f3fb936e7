#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "control/client.h"
#include "ctl.h"
#include "os/dirs.h"
#include "registry.h"

namespace stream::ctl {

int restart(const Options& options, const cli::Context& context) {
  check_stream_name(options.name);
  if (!supervised(options.name))
    throw Error(Exit::kNotRunning, "stream.absent",
                "'" + options.name + "' is not run by stream-ctl up",
                "stream-ctl up " + options.name + " runs it");
  const std::string tool =
      options.tool.starts_with("stream-") ? options.tool.substr(7) : options.tool;
  control::Client(os::control_socket_path(options.name, "ctl"))
      .call("process.restart", {{"tool", tool}});
  if (context.json())
    context.print_json(
        {{"schema", "stream.ctl.restart/1"}, {"stream", options.name}, {"tool", tool}});
  else
    context.confirm(options.name + ": restarting " + tool);
  return 0;
}

}  // namespace stream::ctl
