// The service manager's notification protocol, sd_notify(3), without its library. Every call is
// cheap and does nothing when NOTIFY_SOCKET is not set.
#pragma once
#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "os/fd.h"

namespace stream::os {

// Sends one datagram of newline-separated assignments, for example "READY=1\nSTATUS=live". Failure
// is silent: the manager may be gone and the stream goes on.
void notify(std::string_view assignments);

// Half of WATCHDOG_USEC when the manager watches this process: how often to send WATCHDOG=1.
std::optional<std::chrono::microseconds> watchdog_interval();

// Sockets passed by LISTEN_FDS (sd_listen_fds(3)) with their LISTEN_FDNAMES; empty when none. Takes
// them: the variables are unset so that children do not claim them too.
struct PassedSocket {
  Fd fd;
  std::string name;
};
std::vector<PassedSocket> take_passed_sockets();

}  // namespace stream::os
