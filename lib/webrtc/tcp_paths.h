// The TCP side of a Port, for peers whose network lets no UDP pass (RFC 6544, passive): they
// connect to the same number, and each datagram has its length in front (RFC 4571 2). Connections
// are bounded, and one whose peer no session knows is closed after 10 s, earlier when others want
// its place. On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "webrtc/ice_lite.h"

namespace stream::webrtc {

class TcpPaths {
 public:
  // A datagram in memory that is valid during the call.
  using Received = std::function<void(std::span<uint8_t> datagram, const Path& from)>;
  using Known = std::function<bool(const Path& path)>;  // some session has checked it

  // `host`: numeric. Throws Error "listen.failed".
  TcpPaths(boost::asio::io_context& io, const std::string& host, uint16_t port, size_t connections);
  ~TcpPaths();
  TcpPaths(const TcpPaths&) = delete;

  void start(Received received, Known known);
  // Dropped, as UDP would, when the peer takes too little or is gone.
  void send(Bytes datagram, const Path& path);
  void tick(Nanoseconds now);
  void stop();

  struct Counts {
    size_t connections = 0;
    uint64_t received = 0, sent = 0, unsent = 0;  // datagrams
  };
  Counts counts() const noexcept;

 private:
  struct State;
  struct Connection;
  std::shared_ptr<State> state_;
};

}  // namespace stream::webrtc
