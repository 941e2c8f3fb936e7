// A connection to one of a name's addresses, one after the other: a caller's handshake has no
// answer when the address is dead, so each gets a share of the time. On the loop's thread.
#pragma once
#include <memory>
#include <vector>

#include "net/address_turns.h"
#include "srt/engine.h"

namespace stream::srt {

class Caller {
 public:
  // Remembers in `turns`, which outlives this connection, what did not answer. At most kAddresses
  // are tried, all within the timeout of `settings`.
  Caller(Engine& engine, std::shared_ptr<net::AddressTurns> turns, Settings settings)
      : engine_(engine), turns_(std::move(turns)), settings_(std::move(settings)) {}
  Caller(const Caller&) = delete;

  // Once, with one address or more. `closed` of the handlers is called when all have failed.
  void call(const std::vector<net::AddressTurns::Endpoint>& endpoints, Socket::Handlers handlers);
  // Of the address that is tried, or has answered; null before call().
  const std::shared_ptr<Socket>& socket() const noexcept { return socket_; }

  static constexpr size_t kAddresses = 3;

 private:
  void call_next();

  Engine& engine_;
  const std::shared_ptr<net::AddressTurns> turns_;
  Settings settings_;
  Socket::Handlers handlers_;
  std::vector<net::AddressTurns::Endpoint> addresses_;
  size_t next_ = 0;
  std::shared_ptr<Socket> socket_;
};

}  // namespace stream::srt
