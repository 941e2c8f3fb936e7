#include "webrtc/tcp_paths.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <map>
#include <vector>

#include "net/address.h"
#include "net/tcp_listener.h"

namespace stream::webrtc {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr size_t kMostDatagram = 2048;
constexpr size_t kMostWaiting = 256 << 10;  // to be sent, of one peer
constexpr int kSendBuffer = 128 << 10;      // what the system may hold of it: it is late already
constexpr Nanoseconds kUnknownSpan = 10s;

}  // namespace

struct TcpPaths::Connection {
  explicit Connection(tcp::socket taken) : socket(std::move(taken)) {}

  tcp::socket socket;
  Path path;
  Nanoseconds since = monotonic_now();
  std::array<uint8_t, 2 * kMostDatagram> in{};
  size_t filled = 0;
  std::vector<uint8_t> waiting, sending;
  bool writing = false, closed = false;

  void close() {
    closed = true;
    error_code ignored;
    socket.close(ignored);
  }
};

struct TcpPaths::State : std::enable_shared_from_this<State> {
  using ConnectionPtr = std::shared_ptr<Connection>;

  State(asio::io_context& its, size_t most_connections)
      : io(its), acceptor(its), pause(its), most(most_connections) {}

  asio::io_context& io;
  tcp::acceptor acceptor;
  asio::steady_timer pause;  // while descriptors are short
  const size_t most;
  std::map<uint32_t, ConnectionPtr> connections;  // by Path::tcp: the oldest first
  uint32_t last = 0;
  Received received;
  Known known;
  Counts counts;
  bool stopped = false;

  void accept();
  void admit(tcp::socket socket);
  bool make_room();
  void read(const ConnectionPtr& connection);
  bool take(Connection& connection);
  void write(const ConnectionPtr& connection);
  void drop(const ConnectionPtr& connection);
};

void TcpPaths::State::accept() {
  acceptor.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
    if (self->stopped) return;
    if (!error) {
      self->admit(std::move(socket));
      return self->accept();
    }
    self->pause.expires_after(100ms);
    self->pause.async_wait([self](error_code) {
      if (!self->stopped) self->accept();
    });
  });
}

// By closing the oldest that nobody knows.
bool TcpPaths::State::make_room() {
  if (connections.size() < most) return true;
  const auto stranger = std::find_if(connections.begin(), connections.end(),
                                     [&](const auto& one) { return !known(one.second->path); });
  if (stranger == connections.end()) return false;
  drop(ConnectionPtr(stranger->second));
  return true;
}

void TcpPaths::State::admit(tcp::socket socket) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error || !make_room()) return;
  socket.set_option(tcp::no_delay(true), error);
  socket.set_option(asio::socket_base::send_buffer_size(kSendBuffer), error);
  const auto connection = std::make_shared<Connection>(std::move(socket));
  connection->path.remote = Endpoint(net::unmapped(remote.address()), remote.port());
  while (++last == 0 || connections.count(last) > 0) {
  }
  connection->path.tcp = last;
  connections[last] = connection;
  read(connection);
}

void TcpPaths::State::read(const ConnectionPtr& connection) {
  const auto space = asio::buffer(connection->in.data() + connection->filled,
                                  connection->in.size() - connection->filled);
  connection->socket.async_read_some(
      space, [self = shared_from_this(), connection](error_code error, size_t size) {
        if (self->stopped || connection->closed) return;
        connection->filled += size;
        if (error || !self->take(*connection)) return self->drop(connection);
        if (!self->stopped && !connection->closed) self->read(connection);
      });
}

// Whole datagrams; false: one that is too long. A handler may stop us.
bool TcpPaths::State::take(Connection& connection) {
  size_t at = 0;
  while (connection.filled - at >= 2) {
    const size_t size = connection.in[at] << 8 | connection.in[at + 1];
    if (size > kMostDatagram) return false;
    if (connection.filled - at < size + 2) break;
    ++counts.received;
    received({connection.in.data() + at + 2, size}, connection.path);
    if (stopped || connection.closed) return true;
    at += size + 2;
  }
  std::copy(connection.in.begin() + static_cast<ptrdiff_t>(at),
            connection.in.begin() + static_cast<ptrdiff_t>(connection.filled),
            connection.in.begin());
  connection.filled -= at;
  return true;
}

void TcpPaths::State::write(const ConnectionPtr& connection) {
  if (stopped || connection->closed) return;
  connection->sending.clear();
  connection->sending.swap(connection->waiting);
  connection->writing = !connection->sending.empty();
  if (!connection->writing) return;
  asio::async_write(connection->socket, asio::buffer(connection->sending),
                    [self = shared_from_this(), connection](error_code error, size_t) {
                      if (error) return self->drop(connection);
                      self->write(connection);
                    });
}

void TcpPaths::State::drop(const ConnectionPtr& connection) {
  if (connection->closed) return;
  connection->close();
  connections.erase(connection->path.tcp);
}

TcpPaths::TcpPaths(asio::io_context& io, const std::string& host, uint16_t port, size_t connections)
    : state_(std::make_shared<State>(io, connections)) {
  auto listener = net::listen_tcp(host, port);
  state_->acceptor.assign(listener.v6 ? tcp::v6() : tcp::v4(), listener.fd.release());
}

TcpPaths::~TcpPaths() {
  stop();
}

void TcpPaths::start(Received received, Known known) {
  state_->received = std::move(received);
  state_->known = std::move(known);
  state_->accept();
}

void TcpPaths::send(Bytes datagram, const Path& path) {
  State& state = *state_;
  const auto found = state.connections.find(path.tcp);
  if (found == state.connections.end() ||
      found->second->waiting.size() + datagram.size() + 2 > kMostWaiting) {
    ++state.counts.unsent;
    return;
  }
  const auto connection = found->second;
  ++state.counts.sent;
  connection->waiting.push_back(static_cast<uint8_t>(datagram.size() >> 8));
  connection->waiting.push_back(static_cast<uint8_t>(datagram.size()));
  connection->waiting.insert(connection->waiting.end(), datagram.begin(), datagram.end());
  if (std::exchange(connection->writing, true)) return;
  // What the current handler of the loop sends goes out together.
  asio::post(state.io, [self = state_, connection] { self->write(connection); });
}

void TcpPaths::tick(Nanoseconds now) {
  std::vector<State::ConnectionPtr> unknown;
  for (const auto& [id, connection] : state_->connections)
    if (now - connection->since >= kUnknownSpan && !state_->known(connection->path))
      unknown.push_back(connection);
  for (const auto& connection : unknown) state_->drop(connection);
}

void TcpPaths::stop() {
  if (state_->stopped) return;
  state_->stopped = true;
  error_code ignored;
  state_->acceptor.close(ignored);
  state_->pause.cancel();
  for (const auto& [id, connection] : state_->connections) connection->close();
  state_->connections.clear();
}

TcpPaths::Counts TcpPaths::counts() const noexcept {
  Counts counts = state_->counts;
  counts.connections = state_->connections.size();
  return counts;
}

}  // namespace stream::webrtc
