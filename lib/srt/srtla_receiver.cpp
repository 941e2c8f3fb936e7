#include "srt/srtla_receiver.h"

#include <sys/random.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <utility>

#include "base/error.h"

namespace stream::srt {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::udp;
using boost::system::error_code;

constexpr size_t kMaxPacket = 1500;  // what is longer is no packet of SRT
constexpr int kPacketsPerTurn = 128;
constexpr int kKernelBuffer = 4 << 20;  // Linux may grant less
constexpr auto kTick = 1s;

[[noreturn]] void failed(const std::string& where, const error_code& error) {
  const bool used = error == boost::asio::error::address_in_use;
  throw Error(
      used ? Exit::kLocked : Exit::kUsage, "listen.failed",
      "cannot listen on " + where + ": " + (used ? "the UDP port is in use" : error.message()),
      "choose another address or port");
}

udp::socket open(boost::asio::io_context& io, const std::string& host, uint16_t port) {
  const std::string where = (host.empty() ? "*" : host) + ":" + std::to_string(port);
  error_code error;
  udp::endpoint endpoint(udp::v6(), port);
  if (!host.empty()) {
    const auto found = udp::resolver(io).resolve(
        host, std::to_string(port), udp::resolver::passive | udp::resolver::numeric_service, error);
    if (error) failed(where, error);
    endpoint = *found.begin();
  }
  udp::socket socket(io);
  socket.open(endpoint.protocol(), error);
  if (error && host.empty()) {  // a machine without IPv6
    endpoint = {udp::v4(), port};
    socket.open(endpoint.protocol(), error);
  }
  error_code ignored;
  if (!error && endpoint.address().is_v6())
    socket.set_option(boost::asio::ip::v6_only(false), ignored);
  if (!error) socket.bind(endpoint, error);
  if (error) failed(where, error);
  socket.non_blocking(true);
  socket.set_option(udp::socket::receive_buffer_size(kKernelBuffer), ignored);
  return socket;
}

void fill_random(std::span<uint8_t> bytes) {
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw_errno("read", "random bytes", errno);
}

}  // namespace

struct SrtlaReceiver::Way {
  udp::socket socket;
  const SrtlaGroups::Group* group;
};

SrtlaReceiver::SrtlaReceiver(boost::asio::io_context& io, const std::string& host, uint16_t port,
                             const Endpoint& srt, SrtlaLimits limits)
    : io_(io),
      socket_(open(io, host, port)),
      ticker_(io),
      srt_(srt),
      port_(socket_.local_endpoint().port()),
      groups_(limits, {[this](const Endpoint& to, Bytes packet) {
                         // Lost like any other when there is no room.
                         error_code ignored;
                         socket_.send_to(boost::asio::buffer(packet.data(), packet.size()), to, 0,
                                         ignored);
                       },
                       [this](const SrtlaGroups::Group& group) {
                         const auto at = ways_.find(&group);
                         if (at == ways_.end()) return;
                         error_code ignored;
                         by_port_.erase(at->second->socket.local_endpoint(ignored).port());
                         at->second->group = nullptr;
                         at->second->socket.close(ignored);
                         ways_.erase(at);
                       },
                       fill_random}) {
  wait();
  tick();
}

SrtlaReceiver::~SrtlaReceiver() {
  stop();
}

void SrtlaReceiver::stop() {
  error_code ignored;
  socket_.close(ignored);
  ticker_.cancel();
  for (const auto& [group, way] : ways_) {
    way->group = nullptr;
    way->socket.close(ignored);
  }
  ways_.clear();
  by_port_.clear();
}

std::optional<SrtlaReceiver::Endpoint> SrtlaReceiver::behind(uint16_t port) const {
  const auto at = by_port_.find(port);
  if (at == by_port_.end()) return std::nullopt;
  return at->second->newest;
}

void SrtlaReceiver::admit(uint16_t port) {
  if (const auto at = by_port_.find(port); at != by_port_.end()) at->second->admitted = true;
}

void SrtlaReceiver::wait() {
  socket_.async_wait(udp::socket::wait_read, [this](error_code error) {
    if (error) return;
    read();
    wait();
  });
}

void SrtlaReceiver::read() {
  std::array<uint8_t, kMaxPacket> packet;
  const Nanoseconds now = monotonic_now();
  for (int i = 0; i < kPacketsPerTurn; ++i) {
    Endpoint from;
    error_code error;
    const size_t n = socket_.receive_from(boost::asio::buffer(packet), from, 0, error);
    if (error) return;
    const Bytes bytes = Bytes(packet).first(n);
    if (auto* group = groups_.received(from, bytes, now)) forward(*group, bytes);
  }
}

void SrtlaReceiver::forward(SrtlaGroups::Group& group, Bytes packet) {
  auto& way = ways_[&group];
  error_code error;
  if (!way) {
    auto made = std::make_shared<Way>(Way{udp::socket(io_), &group});
    made->socket.open(srt_.protocol(), error);
    if (!error) made->socket.connect(srt_, error);
    if (error) {  // descriptors are short: SRT asks again
      ways_.erase(&group);
      return;
    }
    made->socket.non_blocking(true);
    made->socket.set_option(udp::socket::receive_buffer_size(kKernelBuffer), error);
    way = std::move(made);
    by_port_[way->socket.local_endpoint().port()] = &group;
    wait(way);
  }
  way->socket.send(boost::asio::buffer(packet.data(), packet.size()), 0, error);
}

void SrtlaReceiver::wait(const std::shared_ptr<Way>& way) {
  way->socket.async_wait(udp::socket::wait_read, [this, way](error_code error) {
    if (error || way->group == nullptr) return;
    answer(way);
    wait(way);
  });
}

void SrtlaReceiver::answer(const std::shared_ptr<Way>& way) {
  std::array<uint8_t, kMaxPacket> packet;
  for (int i = 0; i < kPacketsPerTurn; ++i) {
    error_code error;
    const size_t n = way->socket.receive(boost::asio::buffer(packet), 0, error);
    if (error) return;
    groups_.send(*way->group, Bytes(packet).first(n));
  }
}

void SrtlaReceiver::tick() {
  ticker_.expires_after(kTick);
  ticker_.async_wait([this](error_code cancelled) {
    if (cancelled || !socket_.is_open()) return;
    groups_.tick(monotonic_now());
    tick();
  });
}

}  // namespace stream::srt
