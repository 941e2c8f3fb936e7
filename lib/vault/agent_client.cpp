#include "vault/agent_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>

#include "base/bytes.h"
#include "os/dirs.h"
#include "os/unix_socket.h"

namespace stream::vault {

std::string agent_path() {
  return os::runtime_dir() + "/vault-agent.sock";
}

std::optional<crypto::LockedBytes> ask_agent(const Header& header) {
  const os::Fd agent = os::connect_unix(agent_path());
  if (!agent) return std::nullopt;
  // Whoever listens there must be this user or root, else its key could be anybody's.
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(agent.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      (peer.uid != geteuid() && peer.uid != 0))
    return std::nullopt;
  const timeval patience{2, 0};
  ::setsockopt(agent.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(agent.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);

  ByteWriter question;
  question.text(kAgentMagic);
  question.bytes(header.salt);
  if (::send(agent.get(), question.view().data(), question.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(question.size()))
    return std::nullopt;
  crypto::LockedBytes answer(1 + crypto::kSealKey);
  if (::recv(agent.get(), answer.data(), answer.size(), MSG_WAITALL) !=
          static_cast<ssize_t>(answer.size()) ||
      answer.data()[0] != 1)
    return std::nullopt;
  return crypto::LockedBytes::copy(answer.view().subspan(1));
}

}  // namespace stream::vault
