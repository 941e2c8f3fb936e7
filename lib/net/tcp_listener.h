// A listening TCP socket, with an error that says who holds the port. No event loop.
#pragma once
#include <cstdint>
#include <string>

#include "os/fd.h"

namespace stream::net {

struct TcpListener {
  os::Fd fd;
  bool v6 = false;
};

// `host` is a numeric address or a name ("localhost"; the first address of it is taken); empty: all
// addresses. Port 0: any. Throws Error "listen.failed" that names the process that has the port,
// where that can be found out.
TcpListener listen_tcp(const std::string& host, uint16_t port);

}  // namespace stream::net
