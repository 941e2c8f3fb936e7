#include "media/bus.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/write.hpp>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "media/muxed_reader.h"
#include "net/unix_listener.h"
#include "os/dirs.h"

namespace stream::media {
namespace {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;

constexpr size_t kWrite = 128 << 10;  // bytes muxed ahead of the socket
constexpr auto kAcceptPause = std::chrono::seconds(1);

}  // namespace

// Owned by the server until it leaves; a pending operation keeps it alive beyond that.
class BusServer::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Socket socket, Hub& hub, uint64_t number, int64_t pid, const Observer& observer)
      : socket_(std::move(socket)),
        number_(number),
        pid_(pid),
        observer_(observer),
        reader_(std::in_place, hub, "nut", OnSlow::kDrop, [this] { schedule(); }) {}

  // One turn of the loop later, so that packets which arrive together leave together.
  void schedule() {
    if (scheduled_ || writing_) return;
    scheduled_ = true;
    asio::post(socket_.get_executor(), [self = shared_from_this()] {
      self->scheduled_ = false;
      self->pump();
    });
  }
  ReaderInfo info() const {
    const HubReader& r = reader_->reader();
    return {number_, pid_, sent_, r.queued_bytes(), r.queued_span(), r.dropped()};
  }
  bool left() const { return !reader_; }
  void leave() {
    if (!reader_) return;
    boost::system::error_code ignored;
    socket_.close(ignored);
    tell(ReaderEvent::kDisconnected);
    reader_.reset();
  }
  void tell(ReaderEvent event) const {
    if (observer_) observer_(event, info());
  }

 private:
  void pump() {
    if (writing_ || !reader_) return;
    bytes_.clear();
    try {
      reader_->fill(bytes_, kWrite);
    } catch (const Error& error) {
      log::warning("a reader of the bus (pid " + std::to_string(pid_) +
                   ") is let go: " + error.what());
      return leave();
    }
    if (const uint64_t overflows = reader_->reader().overflows(); overflows != overflows_) {
      overflows_ = overflows;
      tell(ReaderEvent::kSlow);
    }
    if (bytes_.empty()) {
      if (reader_->finished()) leave();
      return;
    }
    writing_ = true;
    asio::async_write(socket_, asio::buffer(bytes_),
                      [self = shared_from_this()](boost::system::error_code error, size_t n) {
                        self->writing_ = false;
                        self->sent_ += n;
                        if (error) return self->leave();
                        self->pump();
                      });
  }

  Socket socket_;
  uint64_t number_;
  int64_t pid_;
  Observer observer_;
  uint64_t overflows_ = 0;
  std::optional<MuxedReader> reader_;
  std::vector<uint8_t> bytes_;
  uint64_t sent_ = 0;
  bool writing_ = false, scheduled_ = false;
};

BusServer::BusServer(asio::io_context& io, Hub& hub, std::string name, Observer observer)
    : hub_(hub),
      name_(std::move(name)),
      path_(os::media_socket_path(name_)),
      observer_(std::move(observer)),
      acceptor_(io),
      pause_(io) {
  os::make_dirs(path_.substr(0, path_.rfind('/')));
  acceptor_.assign(asio::local::stream_protocol(),
                   net::listen_unix(path_, "stream '" + name_ + "'").release());
  acceptor_.non_blocking(true);
  accept();
}

BusServer::~BusServer() {
  close();
  for (const auto& connection : connections_) connection->leave();
}

void BusServer::close() {
  if (!acceptor_.is_open()) return;
  net::remove_unix(path_);
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

void BusServer::accept() {
  // A reader may have been accepted before the end and its turn come after that.
  acceptor_.async_accept(
      [this, alive = std::weak_ptr(alive_)](boost::system::error_code error, Socket socket) {
        if (error == asio::error::operation_aborted || alive.expired() || !acceptor_.is_open())
          return;
        if (error) {
          log::warning("the bus of '" + name_ + "' takes no reader: " + error.message());
          pause_.expires_after(kAcceptPause);
          pause_.async_wait([this, alive](boost::system::error_code stopped) {
            if (!stopped && !alive.expired() && acceptor_.is_open()) accept();
          });
          return;
        }
        add(std::move(socket));
        accept();
      });
}

void BusServer::add(Socket socket) {
  const auto peer = net::peer_of(socket.native_handle());
  if (!peer || !peer->allowed()) {
    log::warning("a reader of another user is refused at the bus of '" + name_ + "'");
    return;
  }
  std::erase_if(connections_, [](const auto& c) { return c->left(); });
  net::close_on_exec(socket.native_handle());
  connections_.push_back(
      std::make_shared<Connection>(std::move(socket), hub_, next_number_++, peer->pid, observer_));
  connections_.back()->tell(ReaderEvent::kConnected);
  connections_.back()->schedule();
}

const char* event_name(BusServer::ReaderEvent event) {
  return event == BusServer::ReaderEvent::kConnected ? "reader.connected"
         : event == BusServer::ReaderEvent::kSlow    ? "reader.slow"
                                                     : "reader.disconnected";
}

bool BusServer::drained() const {
  return std::all_of(connections_.begin(), connections_.end(),
                     [](const auto& c) { return c->left(); });
}

std::vector<BusServer::ReaderInfo> BusServer::readers() const {
  std::vector<ReaderInfo> all;
  for (const auto& connection : connections_)
    if (!connection->left()) all.push_back(connection->info());
  return all;
}

}  // namespace stream::media
