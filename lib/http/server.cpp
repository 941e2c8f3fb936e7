#include "http/server.h"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "base/url.h"
#include "http/connection.h"
#include "net/tcp_listener.h"
#include "net/unix_listener.h"

namespace stream::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct Server::State : std::enable_shared_from_this<State> {
  State(asio::io_context& context, Handler handler, Limits limits)
      : io(context), acceptor(context), work(std::make_shared<Work>()) {
    work->handler = std::move(handler);
    work->limits = limits;
  }

  asio::io_context& io;
  tcp::acceptor acceptor;
  const std::shared_ptr<Work> work;
  std::set<std::shared_ptr<Connection>> connections;
  std::map<asio::ip::address, size_t> per_address;
  bool closed = false;

  void start();
  asio::awaitable<void> accept();
  void admit(tcp::socket socket);
};

void Server::State::start() {
  asio::co_spawn(io, accept(), [self = shared_from_this()](std::exception_ptr) {});
}

asio::awaitable<void> Server::State::accept() {
  asio::steady_timer pause(io);
  for (;;) {
    error_code error;
    tcp::socket socket =
        co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (closed) break;
    if (!error) {
      admit(std::move(socket));
      continue;
    }
    // Out of descriptors, most likely: serve those who are there, try again later.
    log::warning("cannot accept a connection: " + error.message());
    pause.expires_after(std::chrono::milliseconds(100));
    co_await pause.async_wait(asio::use_awaitable);
  }
}

void Server::State::admit(tcp::socket socket) {
  error_code error;
  const tcp::endpoint endpoint = socket.remote_endpoint(error);
  const asio::ip::address peer = endpoint.address();
  size_t& count = per_address[peer];
  if (error || connections.size() >= work->limits.connections ||
      count >= work->limits.per_address) {
    if (count == 0) per_address.erase(peer);
    log::warning("a connection of " + peer.to_string() + " was closed: too many are open");
    return;
  }
  ++count;
  socket.set_option(tcp::no_delay(true), error);
  net::close_on_exec(socket.native_handle());
  auto connection = std::make_shared<Connection>(std::move(socket), endpoint);
  connections.insert(connection);
  const auto self = shared_from_this();
  asio::co_spawn(
      io, [self, connection]() { return connection->run(self->work); },
      [self, connection](std::exception_ptr) {
        connection->end();
        self->connections.erase(connection);
        const auto it = self->per_address.find(connection->peer.address());
        if (it != self->per_address.end() && --it->second == 0) self->per_address.erase(it);
      });
}

Server::Server(asio::io_context& io, const std::string& host, uint16_t port, Handler handler,
               Limits limits)
    : Server(io, net::listen_tcp(host, port).fd, std::move(handler), limits) {}

Server::Server(asio::io_context& io, os::Fd listener, Handler handler, Limits limits)
    : state_(std::make_shared<State>(io, std::move(handler), limits)) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &length);
  error_code error;
  state_->acceptor.assign(address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), listener.get(),
                          error);
  if (error)
    throw Error(Exit::kUsage, "listen.failed", "the socket that was passed in is no listener");
  listener.release();
  state_->start();
}

// What is under way ends by itself and asks nobody any more.
Server::~Server() {
  close();
  state_->work->handler = nullptr;
  state_->work->gatekeeper = nullptr;
  state_->work->observer = nullptr;
  state_->work->tls = nullptr;
}

void Server::admit(Gatekeeper gatekeeper) {
  state_->work->gatekeeper = std::move(gatekeeper);
}

void Server::observe(Observer observer) {
  state_->work->observer = std::move(observer);
}

void Server::secure(net::TlsContexts contexts) {
  state_->work->tls = std::move(contexts);
}

std::string Server::address() const {
  error_code error;
  const tcp::endpoint endpoint = state_->acceptor.local_endpoint(error);
  return host_port(endpoint.address().to_string(), endpoint.port());
}

uint64_t Server::served() const {
  return state_->work->served;
}

size_t Server::connections() const {
  return state_->connections.size();
}

void Server::close() {
  if (state_->closed) return;
  state_->closed = true;
  error_code ignored;
  state_->acceptor.close(ignored);
  for (const auto& connection : state_->connections) connection->close();
}

}  // namespace stream::http
