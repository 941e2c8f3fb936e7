#include "ask.h"

#include "base/error.h"
#include "control/client.h"
#include "os/dirs.h"

namespace stream::ctl {

Answers ask_status(const std::string& name, const std::vector<std::string>& tools) {
  Answers answers;
  for (const std::string& tool : tools) {
    try {
      control::Client client(os::control_socket_path(name, tool), std::chrono::seconds(2));
      answers.tools.push_back(client.call("status"));
    } catch (const Error& e) {
      answers.failed.push_back({{"tool", "stream-" + tool}, {"message", e.what()}});
    }
  }
  return answers;
}

}  // namespace stream::ctl
