#include "net/connector.h"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace stream::net {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {
constexpr auto kStagger = std::chrono::milliseconds(250);  // RFC 8305 section 8
}

std::vector<Connector::Endpoint> Connector::order(const std::vector<Endpoint>& endpoints) {
  std::vector<Endpoint> first, second, mixed;
  for (const Endpoint& endpoint : endpoints) {
    const bool same = endpoint.address().is_v6() == endpoints.front().address().is_v6();
    (same ? first : second).push_back(endpoint);
  }
  for (size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  return mixed;
}

std::shared_ptr<Connector> Connector::start(asio::io_context& io, std::vector<Endpoint> endpoints,
                                            Handler handler) {
  std::shared_ptr<Connector> connector(new Connector(io, order(endpoints), std::move(handler)));
  asio::post(io, [connector] { connector->try_next(); });
  return connector;
}

Connector::Connector(asio::io_context& io, std::vector<Endpoint> endpoints, Handler handler)
    : io_(io), endpoints_(std::move(endpoints)), handler_(std::move(handler)), stagger_(io) {}

void Connector::cancel() {
  handler_ = nullptr;
  stagger_.cancel();
  sockets_.clear();
}

void Connector::try_next() {
  if (!handler_) return;
  if (next_ == endpoints_.size()) {
    if (open_ == 0) finish(std::nullopt);
    return;
  }
  const Endpoint endpoint = endpoints_[next_++];
  Socket& socket = sockets_.emplace_back(io_);
  ++open_;
  socket.async_connect(
      endpoint, [self = shared_from_this(), &socket](const boost::system::error_code& error) {
        if (!self->handler_) return;  // the socket may be gone
        --self->open_;
        if (!error) return self->finish(std::move(socket));
        self->error_ = error.message();
        self->try_next();
      });
  stagger_.expires_after(kStagger);
  stagger_.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->try_next();
  });
}

void Connector::finish(std::optional<Socket> socket) {
  const Handler handler = std::exchange(handler_, nullptr);
  stagger_.cancel();
  std::string error = socket ? std::string() : std::exchange(error_, {});
  handler(std::move(socket), std::move(error));
  sockets_.clear();
}

}  // namespace stream::net
