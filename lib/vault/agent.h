// The other side of vault/agent_client.h: holds one vault's root key in locked memory and hands it
// to processes of the same user, until its time is over. Runs in the thread that calls serve().
#pragma once
#include <chrono>
#include <string>

#include "os/fd.h"
#include "vault/format.h"

namespace stream::vault {

class Agent {
 public:
  // Listens on `path`, 0600. Throws Error kLocked "agent.running" when another one answers there.
  Agent(std::string path, const Header& header, crypto::LockedBytes root);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Locked pages are not inherited by a child: to be called after a fork, in the child.
  void lock_again() { root_ = root_.clone(); }
  // The parent of a fork leaves the socket to the child.
  void abandon() { path_.clear(); }
  // Answers until `stop_fd` becomes readable (true) or `lifetime` is over (false).
  bool serve(int stop_fd, std::chrono::milliseconds lifetime);

 private:
  void answer(int client) const;
  std::string path_;
  std::array<uint8_t, crypto::kPasswordSalt> salt_;
  crypto::LockedBytes root_;
  os::Fd listener_;
};

}  // namespace stream::vault
