// Listening unix sockets under a name: a dead process's socket is replaced, a live one is not. What
// Asio or anyone does with the descriptor is its own business.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "os/fd.h"

namespace stream::net {

// Listens on `path`, mode 0600, non-blocking; its directory must exist. Throws Error kLocked
// "bus.live", saying that `what` is live and the process that has it, when somebody answers there.
os::Fd listen_unix(const std::string& path, const std::string& what);
// Unlinks `path`, while its listener is still open, unless another process answers on it by now;
// and its directory when that is empty.
void remove_unix(const std::string& path);

struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
  // The same user as this process, or root.
  bool allowed() const;
};
std::optional<Peer> peer_of(int fd);

// For descriptors that Asio accepted: it does not ask for it.
void close_on_exec(int fd);

}  // namespace stream::net
