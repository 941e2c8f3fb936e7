// One UDP port for all WebRTC sessions, and TCP on the same number for peers that UDP does not
// reach. A datagram belongs to the session whose ICE has checked its sender, a STUN request to the
// one that its USERNAME names; all else is dropped before anything is allocated. On the io
// context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "webrtc/session.h"

namespace stream::webrtc {

class Port {
 public:
  struct Options {
    std::string host;  // a numeric address to bind; empty: all
    uint16_t port = 8189;
    // What peers are told: "ADDRESS", "ADDRESS:PORT", "[V6]:PORT". Empty: the bound address, or all
    // addresses of this machine (its loopback only when it has no other).
    std::vector<std::string> advertised;
    size_t sessions = 10'000;
  };
  struct Counts {
    size_t sessions = 0, connected = 0;
    size_t tcp_connections = 0;
    uint64_t opened = 0;
    uint64_t received = 0, sent = 0;  // datagrams
    uint64_t strangers = 0;           // dropped: of nobody we know
    uint64_t unsent = 0;              // dropped: the system had no room
  };

  // Throws Error "listen.failed" and kUsage "webrtc.address". Goes on without TCP, with a warning,
  // when somebody else listens on the number there.
  Port(boost::asio::io_context& io, Options options);
  ~Port();
  Port(const Port&) = delete;

  uint16_t port() const noexcept;  // as bound
  // Fresh credentials, our fingerprint and candidates: what an answer needs.
  Local local() const;
  // A session for an answer that was made with `ice`; null: there are too many. The port keeps it
  // until it is closed.
  std::shared_ptr<Session> open(const IceCredentials& ice, const Answer& answer,
                                SessionHandlers handlers);
  Counts counts() const;
  // Ends all sessions (kPort) and takes no more datagrams.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stream::webrtc
