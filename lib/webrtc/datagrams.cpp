#include "webrtc/datagrams.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "net/address.h"
#include "os/port_owner.h"

namespace stream::webrtc {
namespace {

namespace asio = boost::asio;
namespace ip = asio::ip;

constexpr size_t kBatch = 64, kSlot = 2048;
constexpr int kRounds = 8;  // of receiving before the loop has its turn again
constexpr int kBufferBytes = 4 << 20;
constexpr size_t kControl = CMSG_SPACE(sizeof(in6_pktinfo));

struct alignas(cmsghdr) Slot {
  std::array<uint8_t, kSlot> data;
  std::array<uint8_t, (kControl + 15) / 16 * 16> control;
  sockaddr_storage address;
};

struct Batch {
  std::array<Slot, kBatch> slots;
  std::array<iovec, kBatch> pieces;
  std::array<mmsghdr, kBatch> messages;
  size_t count = 0;

  void prepare(size_t i, size_t size, size_t address_size, size_t control_size) {
    pieces[i] = {slots[i].data.data(), size};
    msghdr& head = messages[i].msg_hdr;
    head = {};
    head.msg_name = &slots[i].address;
    head.msg_namelen = static_cast<socklen_t>(address_size);
    head.msg_iov = &pieces[i];
    head.msg_iovlen = 1;
    head.msg_control = control_size == 0 ? nullptr : slots[i].control.data();
    head.msg_controllen = control_size;
  }
};

ip::address plain(const in6_addr& from) {
  ip::address_v6::bytes_type bytes{};
  std::memcpy(bytes.data(), &from, bytes.size());
  return net::unmapped(ip::address_v6(bytes));
}

in6_addr mapped(const ip::address& address) {
  const auto v6 =
      address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()) : address.to_v6();
  in6_addr result{};
  const auto bytes = v6.to_bytes();
  std::memcpy(&result, bytes.data(), bytes.size());
  return result;
}

Path path_of(msghdr& head, const sockaddr_storage& address) {
  Path path;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    path.remote = {ip::address_v4(ntohl(v4.sin_addr.s_addr)), ntohs(v4.sin_port)};
  } else {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    auto remote = plain(v6.sin6_addr);
    if (remote.is_v6() && remote.to_v6().is_link_local()) {
      auto scoped = remote.to_v6();
      scoped.scope_id(v6.sin6_scope_id);
      remote = scoped;
    }
    path.remote = {remote, ntohs(v6.sin6_port)};
  }
  for (cmsghdr* it = CMSG_FIRSTHDR(&head); it != nullptr; it = CMSG_NXTHDR(&head, it)) {
    if (it->cmsg_level == IPPROTO_IP && it->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(it), sizeof info);
      path.local = ip::address_v4(ntohl(info.ipi_addr.s_addr));
    } else if (it->cmsg_level == IPPROTO_IPV6 && it->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(it), sizeof info);
      path.local = plain(info.ipi6_addr);
    }
  }
  return path;
}

template <typename Info>
void put_control(Slot& slot, int level, int type, const Info& info) {
  cmsghdr head{};
  head.cmsg_level = level;
  head.cmsg_type = type;
  head.cmsg_len = CMSG_LEN(sizeof info);
  slot.control.fill(0);
  std::memcpy(slot.control.data(), &head, sizeof head);
  std::memcpy(slot.control.data() + CMSG_LEN(0), &info, sizeof info);
}

// Returns the sizes of address and control data.
std::pair<size_t, size_t> put_path(Slot& slot, const Path& path, bool v6_socket) {
  const bool known =
      !path.local.is_unspecified() && path.local.is_v4() == path.remote.address().is_v4();
  if (!v6_socket) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(path.remote.port());
    to.sin_addr.s_addr = htonl(path.remote.address().to_v4().to_uint());
    std::memcpy(&slot.address, &to, sizeof to);
    in_pktinfo info{};
    if (!known) return {sizeof to, 0};
    info.ipi_spec_dst.s_addr = htonl(path.local.to_v4().to_uint());
    put_control(slot, IPPROTO_IP, IP_PKTINFO, info);
    return {sizeof to, CMSG_SPACE(sizeof info)};
  }
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(path.remote.port());
  to.sin6_addr = mapped(path.remote.address());
  if (path.remote.address().is_v6())
    to.sin6_scope_id = static_cast<uint32_t>(path.remote.address().to_v6().scope_id());
  std::memcpy(&slot.address, &to, sizeof to);
  if (!known) return {sizeof to, 0};
  in6_pktinfo info{};
  info.ipi6_addr = mapped(path.local);
  put_control(slot, IPPROTO_IPV6, IPV6_PKTINFO, info);
  return {sizeof to, CMSG_SPACE(sizeof info)};
}

[[noreturn]] void fail(const std::string& host, uint16_t port, const boost::system::error_code& e) {
  const bool busy = e == asio::error::address_in_use;
  throw Error(busy ? Exit::kLocked : Exit::kNo, "listen.failed",
              "cannot listen on " + (host.empty() ? "*" : host) + ":" + std::to_string(port) +
                  "/udp: " +
                  (busy ? "the port is in use by " + os::describe_port_owner(port) : e.message()),
              busy ? "stop that program or choose another port"
                   : "give an address of this machine and a free UDP port");
}

}  // namespace

struct Datagrams::State : std::enable_shared_from_this<State> {
  explicit State(asio::io_context& its) : io(its), socket(its) {}

  asio::io_context& io;
  ip::udp::socket socket;
  bool v6 = false, flushing = false, stopped = false;
  Endpoint bound;
  Received received;
  std::unique_ptr<Batch> in = std::make_unique<Batch>(), out = std::make_unique<Batch>();
  Counts counts;

  boost::system::error_code open(const std::string& host, uint16_t port);
  void wait();
  void receive();
  void flush();
};

boost::system::error_code Datagrams::State::open(const std::string& host, uint16_t port) {
  boost::system::error_code error;
  const auto wanted =
      host.empty() ? ip::address(ip::address_v6::any()) : ip::make_address(host, error);
  if (error) return error;
  Endpoint at(wanted, port);
  socket.open(at.protocol(), error);
  if (!error && wanted.is_v6()) socket.set_option(ip::v6_only(false), error);
  if (!error) socket.bind(at, error);
  if (error && host.empty() && error != asio::error::address_in_use) {  // a machine without IPv6
    boost::system::error_code ignored;
    socket.close(ignored);
    at = Endpoint(ip::address_v4::any(), port);
    socket.open(at.protocol(), error);
    if (!error) socket.bind(at, error);
  }
  if (error) return error;
  v6 = at.protocol() == ip::udp::v6();
  bound = socket.local_endpoint(error);
  socket.non_blocking(true, error);
  const int fd = socket.native_handle(), on = 1;
  setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
  if (v6) setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
  // Beyond the system's limit where we may.
  for (const auto& [forced, plain_option] :
       {std::pair{SO_RCVBUFFORCE, SO_RCVBUF}, std::pair{SO_SNDBUFFORCE, SO_SNDBUF}})
    if (setsockopt(fd, SOL_SOCKET, forced, &kBufferBytes, sizeof kBufferBytes) != 0)
      setsockopt(fd, SOL_SOCKET, plain_option, &kBufferBytes, sizeof kBufferBytes);
  return error;
}

void Datagrams::State::wait() {
  socket.async_wait(ip::udp::socket::wait_read,
                    [self = shared_from_this()](const boost::system::error_code& error) {
                      if (error || self->stopped) return;
                      self->receive();
                      if (!self->stopped) self->wait();
                    });
}

void Datagrams::State::receive() {
  for (int round = 0; round < kRounds && !stopped; ++round) {
    for (size_t i = 0; i < kBatch; ++i)
      in->prepare(i, kSlot, sizeof(sockaddr_storage), in->slots[i].control.size());
    const int got =
        recvmmsg(socket.native_handle(), in->messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (got <= 0) return;
    counts.received += static_cast<uint64_t>(got);
    for (int i = 0; i < got && !stopped; ++i) {
      const auto n = static_cast<size_t>(i);
      mmsghdr& message = in->messages[n];
      if (message.msg_hdr.msg_flags & MSG_TRUNC) continue;
      received({in->slots[n].data.data(), message.msg_len},
               path_of(message.msg_hdr, in->slots[n].address));
    }
    if (got < static_cast<int>(kBatch)) return;
  }
}

void Datagrams::State::flush() {
  size_t at = 0;
  while (at < out->count && !stopped) {
    const int sent = sendmmsg(socket.native_handle(), out->messages.data() + at,
                              static_cast<unsigned>(out->count - at), MSG_DONTWAIT);
    if (sent > 0) {
      counts.sent += static_cast<uint64_t>(sent);
      at += static_cast<size_t>(sent);
    } else if (errno == EINTR) {
      continue;
    } else if (errno == EAGAIN || errno == ENOBUFS) {
      break;
    } else {  // of this one: no route, a firewall
      ++counts.unsent;
      ++at;
    }
  }
  counts.unsent += out->count - at;
  out->count = 0;
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
  state_->wait();
}

void Datagrams::stop() {
  if (state_->stopped) return;
  state_->flush();
  state_->stopped = true;
  boost::system::error_code ignored;
  state_->socket.close(ignored);
}

std::span<uint8_t> Datagrams::room(size_t size) {
  if (size > kSlot || state_->stopped) return {};
  if (state_->out->count == kBatch) state_->flush();
  return state_->out->slots[state_->out->count].data;
}

void Datagrams::commit(size_t size, const Path& path) {
  Batch& out = *state_->out;
  if (!state_->v6 && path.remote.address().is_v6()) return;
  const auto [address, control] = put_path(out.slots[out.count], path, state_->v6);
  out.prepare(out.count, size, address, control);
  ++out.count;
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
