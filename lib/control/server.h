// JSON-RPC 2.0 on a unix socket, one request or answer per line. Runs on the caller's io_context
// and must be used from its thread. Peers: same user or root. Lines are at most 64 KiB, connections
// at most 64; a subscriber that leaves 1 MiB unread is dropped.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "control/events.h"

namespace stream::control {

// Answers one request; nullopt: no such method. `params` is an object (empty when absent). Throws
// Error: it becomes the answer's error {code, message, data: {id, hint}}. "subscribe" is the
// server's own.
using Dispatch = std::function<std::optional<Json>(const std::string& method, const Json& params)>;

class Server {
 public:
  // Listens on `path` (mode 0600) and makes its directory (0700). Throws what net::listen_unix
  // throws: a live socket is not taken, a dead one is replaced.
  Server(boost::asio::io_context& io, std::string path, Events& events, Dispatch dispatch);
  ~Server();  // removes the socket
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  const std::string& path() const;
  void close();       // stops listening, ends the connections once their answers are out
  bool idle() const;  // no connection is left

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stream::control
