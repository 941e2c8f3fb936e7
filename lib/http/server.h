// An HTTP/1.1 server: GET, HEAD and OPTIONS (CORS), keep-alive, bounded everywhere; other methods
// and bodies where a gatekeeper lets them in. It runs on the caller's io_context and is used from
// its thread; handlers run there too and must not block, but may answer later. Files go out by
// sendfile(2), or by copies where the server speaks TLS.
#pragma once
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "http/message.h"
#include "net/tls_identity.h"

namespace stream::http {

struct Limits {
  size_t connections = 2048, per_address = 128;
  uint32_t header_bytes = 16 << 10;
  // From the first wait to the whole header, and again for a body; before, for the handshake of
  // TLS.
  std::chrono::milliseconds request_time{10'000};
  std::chrono::milliseconds idle_time{60'000};    // between requests
  std::chrono::milliseconds stall_time{20'000};   // without a byte being taken
  std::chrono::milliseconds answer_time{10'000};  // of a handler that answers later
};

using Handler = std::function<Response(const Request&)>;
// What becomes of a request that is neither GET nor HEAD: judged by its header, before any of its
// body is read. Either it is answered at once, or a body of at most so many bytes is read and the
// handler gets it.
struct Admit {
  size_t body_bytes = 0;
  std::optional<Response> answer;
};
using Gatekeeper = std::function<Admit(const Request&)>;
// After each response: status, bytes of the body handed over, time since the request.
using Observer = std::function<void(const Request&, unsigned, uint64_t, std::chrono::nanoseconds)>;

class Server {
 public:
  // Listens on host:port (port 0: any). Throws what net::listen_tcp throws.
  Server(boost::asio::io_context& io, const std::string& host, uint16_t port, Handler handler,
         Limits limits = {});
  // The same on a listening socket that was passed in.
  Server(boost::asio::io_context& io, os::Fd listener, Handler handler, Limits limits = {});
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Without one OPTIONS says that GET, HEAD and OPTIONS are all there is, and others get 405.
  void admit(Gatekeeper gatekeeper);
  void observe(Observer observer);
  // HTTPS only, for connections from now on.
  void secure(net::TlsContexts contexts);
  std::string address() const;  // "127.0.0.1:8080"
  uint64_t served() const;
  size_t connections() const;
  // No new connections; those that wait for a request end, the others after their response.
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace stream::http
