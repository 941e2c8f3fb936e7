#include "net/passed_listeners.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/error.h"
#include "base/url.h"

namespace stream::net {
namespace {

int option_of(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

[[noreturn]] void refuse_passed(const std::string& message, const std::string& hint) {
  throw Error(Exit::kUsage, "listen.passed", message, hint);
}

}  // namespace

PassedListeners::PassedListeners(std::vector<os::PassedSocket> sockets) {
  for (os::PassedSocket& socket : sockets) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    const int fd = socket.fd.get();
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    const bool v6 = address.ss_family == AF_INET6;
    if ((!v6 && address.ss_family != AF_INET) || option_of(fd, SO_TYPE) != SOCK_STREAM ||
        option_of(fd, SO_ACCEPTCONN) != 1)
      refuse_passed("descriptor " + std::to_string(fd) +
                        (socket.name.empty() ? "" : " " + socket.name) +
                        ", passed by the service manager, is no listening TCP socket",
                    "leave ListenStream=PORT and Accept=no alone in the .socket unit");
    Passed passed{std::move(socket.fd), 0, v6, false};
    if (v6) {
      const auto& at = reinterpret_cast<const sockaddr_in6&>(address);
      passed.port = ntohs(at.sin6_port);
      passed.loopback = IN6_IS_ADDR_LOOPBACK(&at.sin6_addr);
    } else {
      const auto& at = reinterpret_cast<const sockaddr_in&>(address);
      passed.port = ntohs(at.sin_port);
      passed.loopback = (ntohl(at.sin_addr.s_addr) >> 24) == IN_LOOPBACKNET;
    }
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
    left_.push_back(std::move(passed));
  }
}

std::optional<TcpListener> PassedListeners::take(const std::string& host, uint16_t port) {
  const auto it = std::find_if(left_.begin(), left_.end(),
                               [&](const Passed& one) { return port == 0 || one.port == port; });
  if (it == left_.end()) return std::nullopt;
  if (is_loopback_host(host) && !it->loopback)
    refuse_passed("the socket on port " + std::to_string(it->port) +
                      ", passed by the service manager, is open to other machines and " + host +
                      " is not",
                  "say ListenStream=127.0.0.1:" + std::to_string(it->port) +
                      " in the .socket unit, or an address like 0.0.0.0 in --listen");
  TcpListener listener{std::move(it->fd), it->v6};
  left_.erase(it);
  return listener;
}

void PassedListeners::check_all_taken() const {
  if (left_.empty()) return;
  const std::string port = std::to_string(left_.front().port);
  refuse_passed(
      "the service manager passed a socket on port " + port + " and nothing listens there",
      "say --listen with port " + port + ", or take it out of the .socket unit");
}

}  // namespace stream::net
