// One connected stream socket, plain or TLS as a client, without blocking. Reading and writing say
// kAgain when the socket isn't ready; the owner waits with on_readable() and on_writable() and then
// calls both again (TLS may have to read in order to write). SIGPIPE is never raised. On the io
// context's thread.
#pragma once
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/buffer.h"

namespace stream::net {

// What TLS clients trust. Made once, shared.
class TlsTrust {
 public:
  // The system's authorities, or those in `ca_file` alone. Throws Error kConfig "tls.ca".
  explicit TlsTrust(const std::string& ca_file = {});
  ~TlsTrust();
  TlsTrust(const TlsTrust&) = delete;

 private:
  friend class Connection;
  void* context_;  // SSL_CTX
};

class Connection {
 public:
  enum class Status { kOk, kAgain, kClosed, kFailed };
  struct Result {
    Status status = Status::kOk;
    size_t bytes = 0;
  };

  explicit Connection(boost::asio::ip::tcp::socket socket);
  ~Connection();
  Connection(const Connection&) = delete;

  // TLS 1.2 or newer; the peer's certificate must be valid for `host`, a name or an address. To be
  // followed by handshake() until kOk. kFailed: error() says what is wrong with the certificate.
  void start_tls(const TlsTrust& trust, const std::string& host);
  Status handshake();
  bool is_tls() const noexcept;

  // kOk has bytes > 0. kClosed: the peer ended orderly.
  Result read(std::span<uint8_t> into);
  // Writes from `pieces` behind the first `skip` bytes of them, as much as goes. After kAgain the
  // same bytes must come first in the next call.
  Result write(std::span<const Buffer> pieces, size_t skip);
  // TLS close_notify as far as it goes at once, then no more sending.
  void shut_down() noexcept;

  // Called once when the socket is ready, or has failed; not after the Connection is gone.
  void on_readable(std::function<void()> handler);
  void on_writable(std::function<void()> handler);

  // For people; of the last kFailed.
  const std::string& error() const noexcept;
  // Whether that was the peer's or the network's doing, and no judgement of ours.
  bool was_cut() const noexcept;

  struct Flow {
    uint64_t acknowledged_bytes = 0;  // by the peer's TCP
    size_t unacknowledged_bytes = 0;  // in the send buffer
    double rtt_seconds = 0;
  };
  std::optional<Flow> flow() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stream::net
