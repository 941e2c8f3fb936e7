#include "vault/agent.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/bytes.h"
#include "base/error.h"
#include "os/unix_socket.h"
#include "vault/agent_client.h"

namespace stream::vault {
namespace {

os::Fd listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw_errno("listen on", path, ENAMETOOLONG);
  std::copy(path.begin(), path.end(), address.sun_path);
  if (os::socket_is_live(path))
    throw Error(Exit::kLocked, "agent.running", "an agent listens on " + path + " already",
                "use that one, or end it first");
  ::unlink(path.c_str());
  os::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw_errno("listen on", path, errno);
  const mode_t before = ::umask(0177);
  const bool bound =
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int error = errno;
  ::umask(before);
  if (!bound) throw_errno("listen on", path, error);
  if (::listen(fd.get(), 64) != 0) throw_errno("listen on", path, errno);
  return fd;
}

bool is_friend(int client) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
         (peer.uid == geteuid() || peer.uid == 0);
}

}  // namespace

Agent::Agent(std::string path, const Header& header, crypto::LockedBytes root)
    : path_(std::move(path)),
      salt_(header.salt),
      root_(std::move(root)),
      listener_(listen_on(path_)) {}

Agent::~Agent() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

bool Agent::serve(int stop_fd, std::chrono::milliseconds lifetime) {
  const auto end = std::chrono::steady_clock::now() + lifetime;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd ready[2] = {{stop_fd, POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    // In steps of an hour at most: poll takes an int.
    ::poll(ready, 2, static_cast<int>(std::min<int64_t>(left.count(), 3'600'000)));
    if (ready[0].revents != 0) return true;
    if (ready[1].revents == 0) continue;
    const os::Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client && is_friend(client.get())) answer(client.get());
  }
}

void Agent::answer(int client) const {
  // A silent client may hold up the others for this long and no longer.
  const timeval patience{0, 300'000};
  ::setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  std::array<uint8_t, kAgentQuestion> question{};
  if (::recv(client, question.data(), question.size(), MSG_WAITALL) !=
      static_cast<ssize_t>(question.size()))
    return;
  ByteReader in(question);
  if (in.text(kAgentMagic.size()) != kAgentMagic) return;
  const Bytes salt = in.rest();
  const bool ours = std::equal(salt.begin(), salt.end(), salt_.begin(), salt_.end());
  crypto::LockedBytes reply(1 + root_.size());
  reply.data()[0] = ours ? 1 : 0;
  if (ours) std::copy(root_.view().begin(), root_.view().end(), reply.data() + 1);
  ::send(client, reply.data(), ours ? reply.size() : 1, MSG_NOSIGNAL);
}

}  // namespace stream::vault
