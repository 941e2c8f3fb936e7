#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "control/client.h"
#include "ctl.h"
#include "os/dirs.h"

namespace stream::ctl {

int call(const Options& options, const cli::Context& context) {
  const auto params = nlohmann::json::parse(options.params, nullptr, false);
  if (!params.is_object())
    throw Error(Exit::kUsage, "usage.value",
                "'" + escaped(options.params, 60) + "' is not a JSON object",
                "for example '{\"name\":\"main\"}'");
  const std::string tool = tools_of(options.name, options.tool).at(0);
  control::Client client(os::control_socket_path(options.name, tool));
  context.print_json(client.call(options.method, params));
  return 0;
}

}  // namespace stream::ctl
