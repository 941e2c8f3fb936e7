// Unix stream sockets by path, for the simple blocking side; servers live in lib/net.
#pragma once
#include <string>

#include "os/fd.h"

namespace stream::os {

// A connected, blocking, close-on-exec socket, or none with errno set: ENOENT, ECONNREFUSED (nobody
// listens), ENAMETOOLONG, EAGAIN (somebody listens, but its backlog is full).
Fd connect_unix(const std::string& path) noexcept;

// True when a process accepts connections on `path`.
bool socket_is_live(const std::string& path) noexcept;

}  // namespace stream::os
