// A UDP socket that takes and gives many datagrams per system call, in memory that is made once,
// and knows the local address of each, so that a machine with several answers from the right one.
// IPv4 and IPv6 alike; mapped addresses are shown as IPv4. On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "webrtc/session.h"

namespace stream::webrtc {

class Datagrams : public Outlet {
 public:
  using Received = std::function<void(std::span<uint8_t> datagram, const Path& from)>;

  // `host`: numeric, or empty for all addresses. Throws Error "listen.failed".
  Datagrams(boost::asio::io_context& io, const std::string& host, uint16_t port);
  ~Datagrams() override;
  Datagrams(const Datagrams&) = delete;

  const Endpoint& bound() const noexcept;
  void start(Received received);
  void stop();

  // What is committed is sent when the current handler of the loop is over, or earlier.
  std::span<uint8_t> room(size_t size) override;
  void commit(size_t size, const Path& path) override;

  struct Counts {
    uint64_t received = 0, sent = 0, unsent = 0;
  };
  Counts counts() const noexcept;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stream::webrtc
