// The bytes of one accepted connection, in the clear or in TLS: a stream as Asio and Beast know
// them. One operation of a kind at a time, on the io context's thread; the owner bounds their time
// by closing the socket.
#pragma once
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <functional>
#include <memory>

#include "os/fd.h"

namespace stream::http {

class Transport {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  using Error = boost::system::error_code;
  using executor_type = Socket::executor_type;

  explicit Transport(Socket socket) : socket_(std::move(socket)) {}

  executor_type get_executor() { return socket_.get_executor(); }
  Socket& socket() { return socket_; }
  bool is_tls() const { return shaken_; }  // what is read and written is encrypted

  // The handshake as a server that shows `context`. Nothing is allocated before the first byte.
  boost::asio::awaitable<Error> accept_tls(std::shared_ptr<boost::asio::ssl::context> context);
  // Whether a handshake failed because the other side spoke HTTP in the clear.
  static bool was_http(const Error& error);

  // `length` bytes of `file` from `offset`; how many went, `error` says why not all did. `moving`
  // is called before each wait for the other side.
  boost::asio::awaitable<uint64_t> send_file(const os::Fd& file, uint64_t offset, uint64_t length,
                                             const std::function<void()>& moving, Error& error);
  // Nothing more will be said: close_notify in TLS, which is answered by a peer that keeps the
  // rules, and the end of TCP's direction.
  boost::asio::awaitable<void> finish();

  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(Error, size_t)>(
        [this](auto handler, const Buffers& into) {
          if (shaken_)
            tls_->async_read_some(into, std::move(handler));
          else
            socket_.async_read_some(into, std::move(handler));
        },
        token, buffers);
  }
  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(Error, size_t)>(
        [this](auto handler, const Buffers& from) {
          if (shaken_)
            tls_->async_write_some(from, std::move(handler));
          else
            socket_.async_write_some(from, std::move(handler));
        },
        token, buffers);
  }

 private:
  boost::asio::awaitable<uint64_t> copy_file(const os::Fd& file, uint64_t offset, uint64_t length,
                                             const std::function<void()>& moving, Error& error);

  Socket socket_;
  std::shared_ptr<boost::asio::ssl::context> context_;
  std::unique_ptr<boost::asio::ssl::stream<Socket&>> tls_;
  bool shaken_ = false;
};

}  // namespace stream::http
