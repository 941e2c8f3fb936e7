#include "ingest/rtmp_server.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "net/tcp_listener.h"
#include "net/unix_listener.h"

namespace stream::media {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto kRtmpTick = 250ms;
constexpr auto kIdleTurn = 50ms;      // of media that nobody takes
constexpr auto kAcceptPause = 250ms;  // while descriptors are short

}  // namespace

RtmpServer::RtmpServer(asio::io_context& io, Options options, PublisherHooks hooks)
    : options_(std::move(options)),
      hooks_(std::move(hooks)),
      acceptor_(io),
      pause_(io),
      ticker_(io),
      turns_(std::make_shared<TurnReader>(io)),
      idle_turns_(std::make_shared<TurnReader>(io, kIdleTurn)) {
  net::TcpListener listener = options_.listener ? std::move(*options_.listener)
                                                : net::listen_tcp(options_.host, options_.port);
  acceptor_.assign(listener.v6 ? tcp::v6() : tcp::v4(), listener.fd.release());
  acceptor_.non_blocking(true);
  accept();
  tick();
}

RtmpServer::~RtmpServer() {
  stop();
}

uint16_t RtmpServer::port() const {
  return acceptor_.local_endpoint().port();
}

void RtmpServer::stop() {
  if (stopped_) return;
  stopped_ = true;
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  ticker_.cancel();
  for (const auto& connection : std::exchange(connections_, {}))
    connection->end(PublisherEnd::kShutdown, "the server stops");
}

void RtmpServer::accept() {
  acceptor_.async_accept([this](error_code error, tcp::socket socket) {
    if (error == asio::error::operation_aborted || stopped_) return;
    if (!error) {
      short_of_descriptors_ = false;
      accepted(std::move(socket));
    } else if (error == asio::error::no_descriptors || error.value() == ENFILE) {
      // The slot of one who only waits serves better.
      if (!evict_oldest()) return pause_accepting(error.message());
      return pause_accepting({});
    } else if (error != asio::error::connection_aborted) {
      return pause_accepting(error.message());
    }
    accept();
  });
}

// The kernel keeps who comes meanwhile.
void RtmpServer::pause_accepting(const std::string& reason) {
  if (!reason.empty() && !short_of_descriptors_) {
    log::warning("no new publishers for now: " + reason);
    short_of_descriptors_ = true;
  }
  pause_.expires_after(reason.empty() ? 10ms : kAcceptPause);
  pause_.async_wait([this](error_code cancelled) {
    if (!cancelled) accept();
  });
}

bool RtmpServer::evict_oldest() {
  for (const auto& connection : connections_) {
    if (!connection->waiting() || connection->gone_) continue;
    ++evicted_;
    connection->drop("made room for a newer connection", "rtmp.crowded");
    return true;
  }
  return false;
}

void RtmpServer::accepted(tcp::socket socket) {
  error_code ignored;
  net::close_on_exec(socket.native_handle());
  socket.set_option(tcp::no_delay(true), ignored);
  ++accepted_;
  const auto connection = std::make_shared<RtmpConnection>(*this, std::move(socket));
  std::erase_if(connections_, [](const auto& c) { return c->gone_; });
  size_t waiting = 0, same_address = 0;
  for (const auto& c : connections_) {
    if (!c->waiting()) continue;
    ++waiting;
    same_address += c->host_ == connection->host_;
  }
  const RtmpLimits& limits = options_.limits;
  if (same_address >= limits.waiting_per_address)
    return connection->drop("too many connections from this address", "rtmp.crowded");
  if (waiting >= limits.waiting) evict_oldest();
  if (connections_.size() >= limits.connections && !evict_oldest())
    return connection->drop("too many connections", "rtmp.crowded");
  connections_.push_back(connection);
  connection->start();
}

void RtmpServer::tick() {
  ticker_.expires_after(kRtmpTick);
  ticker_.async_wait([this](error_code cancelled) {
    if (cancelled) return;
    const Nanoseconds now = monotonic_now();
    std::erase_if(connections_, [](const auto& c) { return c->gone_; });
    const auto all = connections_;
    for (const auto& connection : all) connection->tick(now);
    if (!stopped_) tick();
  });
}

RtmpServer::Counts RtmpServer::counts() const {
  Counts counts;
  for (const auto& c : connections_) {
    counts.waiting += c->waiting() && !c->gone_;
    counts.publishing += c->receiver_ != nullptr;
  }
  counts.accepted = accepted_;
  counts.evicted = evicted_;
  return counts;
}

}  // namespace stream::media
