// --ice-server and what opens the TURN servers among them, of programs that speak WebRTC. What the
// values may be is checked by signalling::IceServers.
#pragma once
#include <string>
#include <vector>

#include "base/secret.h"
#include "cli/command.h"

namespace stream::cli {

struct IceBundle {
  std::vector<std::string> servers;
  Secret login, shared;
  void declare(Command& command, const std::string& peers);  // "players"
  bool empty() const { return servers.empty() && login.empty() && shared.empty(); }
};

}  // namespace stream::cli
