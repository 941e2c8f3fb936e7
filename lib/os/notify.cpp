#include "os/notify.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace stream::os {

void notify(std::string_view assignments) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (!path || !*path) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';  // abstract namespace
  const Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return;
  ::sendto(fd.get(), assignments.data(), assignments.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
           reinterpret_cast<const sockaddr*>(&address),
           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length));
}

std::optional<std::chrono::microseconds> watchdog_interval() {
  const char* usec = std::getenv("WATCHDOG_USEC");
  const char* pid = std::getenv("WATCHDOG_PID");
  if (!usec || (pid && std::atol(pid) != getpid())) return std::nullopt;
  const long long value = std::atoll(usec);
  if (value <= 0) return std::nullopt;
  return std::chrono::microseconds(value / 2);
}

std::vector<PassedSocket> take_passed_sockets() {
  constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
  std::vector<PassedSocket> sockets;
  const char* count = std::getenv("LISTEN_FDS");
  const char* pid = std::getenv("LISTEN_PID");
  if (count && pid && std::atol(pid) == getpid()) {
    const char* list = std::getenv("LISTEN_FDNAMES");
    std::string names = list ? list : "";
    for (int fd = kFirst; fd < kFirst + std::atoi(count); ++fd) {
      ::fcntl(fd, F_SETFD, FD_CLOEXEC);
      const size_t colon = names.find(':');
      sockets.push_back({Fd(fd), names.substr(0, colon)});
      names = colon == std::string::npos ? "" : names.substr(colon + 1);
    }
  }
  for (const char* name : {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"}) ::unsetenv(name);
  return sockets;
}

}  // namespace stream::os
