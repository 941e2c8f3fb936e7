// One connection of a server: requests until the peer has enough. Its coroutine keeps it alive. On
// the io context's thread.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "http/server.h"
#include "http/transport.h"

namespace stream::http {

// What a server has for its connections; they share it.
struct Work {
  Handler handler;
  Gatekeeper gatekeeper;
  Observer observer;
  net::TlsContexts tls;
  Limits limits;
  uint64_t served = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, boost::asio::ip::tcp::endpoint endpoint)
      : peer(std::move(endpoint)),
        transport_(std::move(socket)),
        deadline_(transport_.get_executor()),
        answer_(transport_.get_executor()) {}

  const boost::asio::ip::tcp::endpoint peer;

  boost::asio::awaitable<void> run(std::shared_ptr<Work> work);
  // What is under way is answered; nothing else is.
  void close();
  void end();

 private:
  class Turn;
  void arm(std::chrono::milliseconds time);
  void stop_waiting();
  boost::asio::awaitable<bool> shake(std::shared_ptr<Work> work);
  boost::asio::awaitable<Response> answer_of(std::shared_ptr<Reply> reply,
                                             std::chrono::milliseconds limit);
  boost::asio::awaitable<void> linger();

  Transport transport_;
  boost::asio::steady_timer deadline_, answer_;
  bool waiting_ = false;  // for a request, or for TLS
  bool closing_ = false;
};

// The status line and the fields, with the empty line behind them.
std::string head_of(const Response& response, unsigned version, bool keep);

}  // namespace stream::http
