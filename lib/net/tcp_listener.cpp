#include "net/tcp_listener.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

#include "base/error.h"
#include "os/port_owner.h"

namespace stream::net {
namespace {

[[noreturn]] void fail_to_listen(const std::string& where, uint16_t port, int error) {
  std::string hint = "choose another address or port";
  std::string why = errno_text(error);
  if (error == EADDRINUSE) {
    why = "the port is in use by " + os::describe_port_owner(port);
    hint = "stop that program or choose another port";
  } else if (error == EACCES) {
    hint = "ports below 1024 need a privilege; choose a higher one";
  }
  const Exit code = error == EADDRINUSE ? Exit::kLocked
                    : error == EACCES   ? Exit::kNotAllowed
                                        : Exit::kNo;
  throw Error(code, "listen.failed", "cannot listen on " + where + ": " + why, hint);
}

}  // namespace

TcpListener listen_tcp(const std::string& host, uint16_t port) {
  const std::string where = (host.empty() ? "*" : host) + ":" + std::to_string(port);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int code = getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(port).c_str(),
                               &hints, &found);
  if (code != 0)
    throw Error(Exit::kUsage, "listen.failed",
                "cannot listen on " + where + ": " + gai_strerror(code),
                "give an address of this machine, for example 127.0.0.1");
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  TcpListener result;
  result.v6 = found->ai_family == AF_INET6;
  result.fd = os::Fd(socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!result.fd) fail_to_listen(where, port, errno);
  const int on = 1;
  setsockopt(result.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(result.fd.get(), found->ai_addr, found->ai_addrlen) != 0)
    fail_to_listen(where, port, errno);
  if (listen(result.fd.get(), 1024) != 0) fail_to_listen(where, port, errno);
  return result;
}

}  // namespace stream::net
