#include "net/unix_listener.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "os/unix_socket.h"

namespace stream::net {
namespace {

std::string directory_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw Error(Exit::kConfig, "socket.path",
                "cannot make the socket " + path + ": the path has " + std::to_string(path.size()) +
                    " bytes and the system allows " + std::to_string(sizeof address.sun_path - 1),
                "set STREAM_RUNTIME_DIR to a shorter directory");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

// The process that answers on `path` (0: not known); nullopt when none does.
std::optional<pid_t> listener(const std::string& path) {
  const os::Fd fd = os::connect_unix(path);
  if (!fd) return errno == EAGAIN ? std::optional<pid_t>(0) : std::nullopt;
  const auto peer = peer_of(fd.get());
  return peer ? peer->pid : 0;
}

}  // namespace

os::Fd listen_unix(const std::string& path, const std::string& what) {
  const sockaddr_un address = address_of(path);
  // Two processes that start at once must not replace each other's socket.
  const os::Fd directory(open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) throw_errno("open", directory_of(path), errno);
  while (flock(directory.get(), LOCK_EX) != 0 && errno == EINTR) {
  }
  if (const auto pid = listener(path))
    throw Error(
        Exit::kLocked, "bus.live",
        what + " is live already" + (*pid > 0 ? " (process " + std::to_string(*pid) + ")" : ""),
        "choose another name or stop the process");
  unlink(path.c_str());
  os::Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw_errno("make the socket", path, errno);
  const mode_t mask = umask(0177);
  const int bound = bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  umask(mask);
  if (bound != 0) throw_errno("make the socket", path, error);
  if (listen(fd.get(), 64) != 0) throw_errno("listen on", path, errno);
  return fd;
}

void remove_unix(const std::string& path) {
  const auto pid = listener(path);
  if (pid && *pid != 0 && *pid != getpid()) return;
  unlink(path.c_str());
  rmdir(directory_of(path).c_str());
}

bool Peer::allowed() const {
  return uid == geteuid() || uid == 0;
}

std::optional<Peer> peer_of(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return Peer{credentials.pid, credentials.uid};
}

void close_on_exec(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace stream::net
