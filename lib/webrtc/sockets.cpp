#include "webrtc/sockets.h"

#include "base/error.h"
#include "base/log.h"

namespace stream::webrtc {

Sockets::Sockets(boost::asio::io_context& io, const std::string& host, uint16_t port,
                 size_t tcp_connections) {
  constexpr int kTries = 8;
  for (int i = 1; !tcp_; ++i) {
    udp_.reset();
    udp_ = std::make_unique<Datagrams>(io, host, port);
    try {
      tcp_ = std::make_unique<TcpPaths>(io, bound().address().to_string(), bound().port(),
                                        tcp_connections);
    } catch (const Error& e) {
      if (port == 0 && i < kTries) continue;
      log::warning(std::string("WebRTC goes by UDP alone: ") + e.what());
      return;
    }
  }
}

void Sockets::start(const TcpPaths::Received& received, TcpPaths::Known known) {
  udp_->start(received);
  if (tcp_) tcp_->start(received, std::move(known));
}

void Sockets::tick(Nanoseconds now) {
  if (tcp_) tcp_->tick(now);
}

void Sockets::stop() {
  udp_->stop();
  if (tcp_) tcp_->stop();
}

void Sockets::commit(size_t size, const Path& path) {
  if (path.tcp == 0) return udp_->commit(size, path);
  if (tcp_) tcp_->send(room_.first(size), path);
}

Sockets::Counts Sockets::counts() const noexcept {
  const auto udp = udp_->counts();
  const auto tcp = tcp_ ? tcp_->counts() : TcpPaths::Counts();
  return {tcp.connections, udp.received + tcp.received, udp.sent + tcp.sent,
          udp.unsent + tcp.unsent};
}

}  // namespace stream::webrtc
