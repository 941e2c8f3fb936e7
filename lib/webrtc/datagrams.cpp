#include "webrtc/datagrams.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <optional>

#include "base/error.h"
#include "os/fd.h"
#include "os/port_owner.h"
#include "webrtc/datagram_batch.h"
#include "webrtc/gathering.h"

namespace stream::webrtc {
namespace {

namespace asio = boost::asio;
namespace ip = asio::ip;

constexpr int kRounds = 8;  // of receiving before the loop has its turn again
constexpr int kBufferBytes = 4 << 20;

[[noreturn]] void fail(const std::string& host, uint16_t port, const boost::system::error_code& e) {
  const bool busy = e == asio::error::address_in_use;
  throw Error(busy ? Exit::kLocked : Exit::kNo, "listen.failed",
              "cannot listen on " + (host.empty() ? "*" : host) + ":" + std::to_string(port) +
                  "/udp: " +
                  (busy ? "the port is in use by " + os::describe_port_owner(port) : e.message()),
              busy ? "stop that program or choose another port"
                   : "give an address of this machine and a free UDP port");
}

// What a kernel or a device that cannot cut says, and a way that takes no datagram of this size.
bool is_about_cutting(int code) {
  return code == EIO || code == EINVAL || code == EMSGSIZE || code == EOPNOTSUPP;
}

}  // namespace

struct Datagrams::State : std::enable_shared_from_this<State> {
  explicit State(asio::io_context& its) : io(its), watched(its), pause(its) {}
  ~State() { unwatch(); }

  asio::io_context& io;
  os::Fd socket;
  // The same, while it is waited for. The loop would wake for each datagram that comes meanwhile.
  asio::posix::stream_descriptor watched;
  asio::steady_timer pause;
  std::optional<Gathering> gathering;
  bool v6 = false, flushing = false, stopped = false;
  Endpoint bound;
  Received received;
  std::unique_ptr<DatagramBatch> in = std::make_unique<DatagramBatch>(),
                                 out = std::make_unique<DatagramBatch>();
  bool cuts = true, has_cut = false;  // the kernel cuts for us; has done so
  Counts counts;

  boost::system::error_code open(const std::string& host, uint16_t port);
  void wait(Nanoseconds pause_for);
  void unwatch();
  size_t receive();
  void flush();
};

boost::system::error_code Datagrams::State::open(const std::string& host, uint16_t port) {
  boost::system::error_code error;
  const auto wanted =
      host.empty() ? ip::address(ip::address_v6::any()) : ip::make_address(host, error);
  if (error) return error;
  Endpoint at(wanted, port);
  ip::udp::socket made(io);
  made.open(at.protocol(), error);
  if (!error && wanted.is_v6()) made.set_option(ip::v6_only(false), error);
  if (!error) made.bind(at, error);
  if (error && host.empty() && error != asio::error::address_in_use) {  // a machine without IPv6
    boost::system::error_code ignored;
    made.close(ignored);
    at = Endpoint(ip::address_v4::any(), port);
    made.open(at.protocol(), error);
    if (!error) made.bind(at, error);
  }
  if (error) return error;
  v6 = at.protocol() == ip::udp::v6();
  bound = made.local_endpoint(error);
  made.native_non_blocking(true, error);
  socket = os::Fd(made.release());
  const int fd = socket.get(), on = 1;
  setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  if (v6) setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  // Beyond the system's limit where we may.
  for (const auto& [forced, plain_option] :
       {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, std::pair{SO_SNDBUFFORCE, SO_SNDBUF}})
    if (setsockopt(fd, SOL_SOCKET, forced, &kBufferBytes, sizeof kBufferBytes) != 0)
      setsockopt(fd, SOL_SOCKET, plain_option, &kBufferBytes, sizeof kBufferBytes);
  int room = 0;
  socklen_t size = sizeof room;
  getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, &size);
  gathering.emplace(static_cast<size_t>(std::max(room, 0)));
  return error;
}

void Datagrams::State::wait(Nanoseconds pause_for) {
  const auto then = [self = shared_from_this()](const boost::system::error_code& error) {
    if (error || self->stopped) return;
    const size_t got = self->receive();
    if (!self->stopped) self->wait(self->gathering->pause(got, monotonic_now()));
  };
  if (pause_for == Nanoseconds{0}) {
    if (!watched.is_open()) watched.assign(socket.get());
    return watched.async_wait(asio::posix::stream_descriptor::wait_read, then);
  }
  unwatch();
  pause.expires_after(pause_for);
  pause.async_wait(then);
}

void Datagrams::State::unwatch() {
  if (watched.is_open()) watched.release();
}

size_t Datagrams::State::receive() {
  size_t all = 0;
  for (int round = 0; round < kRounds && !stopped; ++round) {
    in->prepare_to_receive();
    const int got =
        recvmmsg(socket.get(), in->messages(), DatagramBatch::kMost, MSG_DONTWAIT, nullptr);
    if (got <= 0) break;
    counts.received += static_cast<uint64_t>(got);
    all += static_cast<size_t>(got);
    for (int i = 0; i < got && !stopped; ++i) {
      const auto n = static_cast<size_t>(i);
      const mmsghdr& message = in->messages()[n];
      if (message.msg_hdr.msg_flags & MSG_TRUNC) continue;
      received(in->data(n).first(message.msg_len), in->path(n));
    }
    if (got < static_cast<int>(DatagramBatch::kMost)) break;
  }
  return all;
}

void Datagrams::State::flush() {
  size_t at = 0, single_until = 0;
  while (at < out->count() && !stopped) {
    const size_t made = out->pack(at, cuts && at >= single_until);
    const int sent =
        sendmmsg(socket.get(), out->messages(), static_cast<unsigned>(made), MSG_DONTWAIT);
    const size_t first = out->datagrams(0);
    for (int i = 0; i < sent; ++i) {
      const size_t datagrams = out->datagrams(static_cast<size_t>(i));
      has_cut |= datagrams > 1;
      counts.sent += datagrams;
      at += datagrams;
    }
    if (sent > 0 || errno == EINTR) continue;
    if (errno == EAGAIN || errno == ENOBUFS) break;
    if (first > 1 && is_about_cutting(errno)) {
      cuts = has_cut;  // where it works in general this is of one way, with a small MTU or IPsec
      single_until = at + first;
    } else {  // of this peer: no route, a firewall
      counts.unsent += first;
      at += first;
    }
  }
  counts.unsent += out->count() - at;
  out->clear();
}

Datagrams::Datagrams(asio::io_context& io, const std::string& host, uint16_t port)
    : state_(std::make_shared<State>(io)) {
  if (const auto error = state_->open(host, port)) fail(host, port, error);
}

Datagrams::~Datagrams() {
  stop();
}

const Endpoint& Datagrams::bound() const noexcept {
  return state_->bound;
}

void Datagrams::start(Received received) {
  state_->received = std::move(received);
  state_->wait(Nanoseconds{0});
}

void Datagrams::stop() {
  if (state_->stopped) return;
  state_->flush();
  state_->stopped = true;
  state_->unwatch();
  state_->socket.reset();
  state_->pause.cancel();
}

std::span<uint8_t> Datagrams::room(size_t size) {
  if (size > DatagramBatch::kSlot || state_->stopped) return {};
  if (state_->out->count() == DatagramBatch::kMost) state_->flush();
  return state_->out->data(state_->out->count());
}

void Datagrams::commit(size_t size, const Path& path) {
  if (!state_->v6 && path.remote.address().is_v6()) return;
  state_->out->add(size, path, state_->v6);
  if (state_->flushing) return;
  state_->flushing = true;
  asio::post(state_->io, [state = state_] {
    state->flushing = false;
    state->flush();
  });
}

Datagrams::Counts Datagrams::counts() const noexcept {
  return state_->counts;
}

}  // namespace stream::webrtc
