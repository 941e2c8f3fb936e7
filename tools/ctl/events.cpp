#include <poll.h>

#include <map>
#include <memory>

#include "base/error.h"
#include "control/client.h"
#include "ctl.h"
#include "os/dirs.h"

namespace stream::ctl {
namespace {

constexpr int kLookAgain = 300;  // milliseconds, for programs that start later

using Clients = std::map<std::string, std::unique_ptr<control::Client>>;

void subscribe(Clients& clients, const Options& options, const std::vector<std::string>& tools) {
  for (const std::string& tool : tools) {
    if (clients.count(tool)) continue;
    try {
      auto client = std::make_unique<control::Client>(os::control_socket_path(options.name, tool));
      client->call("subscribe");
      clients[tool] = std::move(client);
    } catch (const Error& e) {
      if (e.code() == Exit::kNotAllowed) throw;  // else: gone in the meantime
    }
  }
}

void print_lines(Clients& clients, const cli::Context& context, int timeout) {
  std::vector<pollfd> fds;
  std::vector<std::string> names;
  for (const auto& [tool, client] : clients) {
    fds.push_back({client->fd(), POLLIN, 0});
    names.push_back(tool);
  }
  if (::poll(fds.data(), fds.size(), timeout) <= 0) return;
  for (size_t i = 0; i < fds.size(); ++i) {
    if (!fds[i].revents) continue;
    std::vector<std::string> lines;
    const bool open = clients[names[i]]->read_available(lines);
    for (const std::string& line : lines) context.print(line + "\n");
    if (!open) clients.erase(names[i]);
  }
}

}  // namespace

int events(const Options& options, const cli::Context& context) {
  Clients clients;
  subscribe(clients, options, tools_of(options.name, options.tool));
  while (options.follow || !clients.empty()) {
    print_lines(clients, context, options.follow ? kLookAgain : -1);
    if (options.follow && options.tool.empty())
      subscribe(clients, options, os::live_tools(options.name));
  }
  return 0;
}

}  // namespace stream::ctl
