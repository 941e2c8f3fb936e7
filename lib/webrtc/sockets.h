// Both ways to the peers of a Port: UDP, and TCP on the same number. On the io context's thread.
#pragma once
#include <memory>
#include <string>

#include "webrtc/datagrams.h"
#include "webrtc/tcp_paths.h"

namespace stream::webrtc {

class Sockets : public Outlet {
 public:
  // `host`: numeric, or empty for all addresses; port 0: any that is free on both ways. When the
  // number is taken on TCP it goes on without, and warns. Throws Error "listen.failed".
  Sockets(boost::asio::io_context& io, const std::string& host, uint16_t port,
          size_t tcp_connections);

  const Endpoint& bound() const noexcept { return udp_->bound(); }
  bool has_tcp() const noexcept { return tcp_ != nullptr; }
  void start(const TcpPaths::Received& received, TcpPaths::Known known);
  void tick(Nanoseconds now);
  void stop();

  // What is meant for a TCP connection is copied from the room for UDP.
  std::span<uint8_t> room(size_t size) override { return room_ = udp_->room(size); }
  void commit(size_t size, const Path& path) override;

  struct Counts {
    size_t tcp_connections = 0;
    uint64_t received = 0, sent = 0, unsent = 0;
  };
  Counts counts() const noexcept;

 private:
  std::unique_ptr<Datagrams> udp_;
  std::unique_ptr<TcpPaths> tcp_;
  std::span<uint8_t> room_;
};

}  // namespace stream::webrtc
