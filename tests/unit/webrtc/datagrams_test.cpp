#include "webrtc/datagrams.h"

#include <doctest/doctest.h>

#include <boost/asio/ip/udp.hpp>
#include <map>

#include "unit/webrtc/peer.h"

using namespace stream;
using namespace stream::webrtc;
namespace ip = boost::asio::ip;

namespace {

struct Listener {
  explicit Listener(boost::asio::io_context& io)
      : socket(io, Endpoint(ip::make_address("127.0.0.1"), 0)) {
    socket.non_blocking(true);
    socket.set_option(boost::asio::socket_base::receive_buffer_size(1 << 20));
    path.remote = socket.local_endpoint();
  }
  void read() {
    std::array<uint8_t, 65536> space;
    boost::system::error_code error;
    for (;;) {
      const size_t size = socket.receive(boost::asio::buffer(space), 0, error);
      if (error) return;
      got.emplace_back(space.begin(), space.begin() + static_cast<long>(size));
    }
  }
  ip::udp::socket socket;
  Path path;
  std::vector<std::vector<uint8_t>> got;
};

// The socket of `port` in this process: who asks for no checksums gets no UDP_SEGMENT, as if the
// kernel had none.
void refuse_segments(uint16_t port) {
  int refused = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    const int on = 1;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
        address.sin_family == AF_INET && ntohs(address.sin_port) == port &&
        ::setsockopt(fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof on) == 0)
      ++refused;
  }
  REQUIRE(refused == 1);
}

}  // namespace

TEST_CASE("what goes to one peer in a row arrives as the datagrams that it was") {
  bool v4 = true;
  bool segments = true;
  SUBCASE("a socket of IPv4") {}
  SUBCASE("a kernel or a network card that can't cut them") {
    segments = false;
  }
  SUBCASE("a socket of both, and the address that we are to send from") {
    v4 = false;
  }
  boost::asio::io_context io;
  Datagrams datagrams(io, v4 ? "127.0.0.1" : "", 0);
  if (!segments) refuse_segments(datagrams.bound().port());
  Listener one(io), other(io);
  if (!v4) one.path.local = ip::make_address("127.0.0.1");
  std::map<Listener*, std::vector<std::vector<uint8_t>>> sent;
  uint8_t fill = 0;
  const auto send = [&](Listener& to, size_t size) {
    const std::vector<uint8_t> bytes(size, ++fill);
    datagrams.send(bytes, to.path);
    sent[&to].push_back(bytes);
  };
  for (const size_t size : {1000, 1000, 1000, 700, 1000, 1001, 1001, 1, 1, 2, 1400})
    send(one, size);
  for (int i = 0; i < 5; ++i) {  // by turns
    send(other, 300);
    send(one, 300);
  }
  for (int i = 0; i < 150; ++i) send(other, 1200);  // more than a batch, and than a datagram holds
  REQUIRE(run_until(io, [&] {
    one.read();
    other.read();
    return one.got.size() == sent[&one].size() && other.got.size() == sent[&other].size();
  }));
  CHECK(one.got == sent[&one]);
  CHECK(other.got == sent[&other]);
  CHECK(datagrams.counts().sent == sent[&one].size() + sent[&other].size());
  CHECK(datagrams.counts().unsent == 0);
}

TEST_CASE("a datagram that cannot go is counted, the others go") {
  boost::asio::io_context io;
  Datagrams datagrams(io, "127.0.0.1", 0);
  Listener one(io);
  Path nowhere;  // from 127.0.0.1 there is no way to it
  nowhere.remote = Endpoint(ip::make_address("192.0.2.1"), 9);
  const std::vector<uint8_t> bytes(100, 1);
  for (int i = 0; i < 3; ++i) datagrams.send(bytes, nowhere);
  for (int i = 0; i < 3; ++i) datagrams.send(bytes, one.path);
  REQUIRE(run_until(io, [&] {
    one.read();
    return one.got.size() == 3;
  }));
  CHECK(datagrams.counts().sent == 3);
  CHECK(datagrams.counts().unsent == 3);
}
