#include "webrtc/tcp_paths.h"

#include <doctest/doctest.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "unit/webrtc/peer.h"
#include "webrtc/port.h"

using namespace stream;
using namespace stream::webrtc;
using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

std::vector<uint8_t> framed(Bytes datagram) {
  std::vector<uint8_t> frame{static_cast<uint8_t>(datagram.size() >> 8),
                             static_cast<uint8_t>(datagram.size())};
  frame.insert(frame.end(), datagram.begin(), datagram.end());
  return frame;
}

// A socket of the other side; what comes is put together again.
struct TcpClient {
  TcpClient(asio::io_context& io, uint16_t port) : socket(io) {
    socket.connect({asio::ip::make_address("127.0.0.1"), port});
    wait();
  }
  void wait() {
    socket.async_read_some(asio::buffer(space), [this](auto error, size_t size) {
      ended = ended || error;
      if (error) return;
      stream.insert(stream.end(), space.begin(), space.begin() + static_cast<ptrdiff_t>(size));
      while (stream.size() >= 2 && stream.size() >= 2u + stream[0] * 256u + stream[1]) {
        const auto end = stream.begin() + 2 + stream[0] * 256 + stream[1];
        const std::vector<uint8_t> datagram(stream.begin() + 2, end);
        stream.erase(stream.begin(), end);
        if (handler) handler(datagram);
      }
      wait();
    });
  }
  void write(Bytes bytes) {
    boost::system::error_code gone;
    asio::write(socket, asio::buffer(bytes.data(), bytes.size()), gone);
  }

  tcp::socket socket;
  std::array<uint8_t, 4096> space{};
  std::vector<uint8_t> stream;
  std::function<void(Bytes)> handler;
  bool ended = false;
};

struct Server {
  Server(asio::io_context& io, size_t most) {
    for (uint16_t port = 20000; !paths; ++port) try {
        paths = std::make_unique<TcpPaths>(io, "127.0.0.1", port, most);
        number = port;
      } catch (const std::exception&) {
      }
    paths->start(
        [this](std::span<uint8_t> datagram, const Path& from) {
          got.emplace_back(datagram.begin(), datagram.end());
          last = from;
        },
        [this](const Path& path) { return path.tcp == known; });
  }
  std::unique_ptr<TcpPaths> paths;
  uint16_t number = 0;
  std::deque<std::vector<uint8_t>> got;
  Path last;
  uint32_t known = 0;
};

}  // namespace

TEST_CASE("datagrams are cut out of the stream wherever it is split") {
  asio::io_context io;
  Server server(io, 10);
  TcpClient client(io, server.number);
  std::vector<uint8_t> bytes;
  std::vector<std::vector<uint8_t>> sent;
  for (const size_t size : {1, 0, 300, 2048, 7}) {
    sent.emplace_back(size, static_cast<uint8_t>(size));
    const auto frame = framed(sent.back());
    bytes.insert(bytes.end(), frame.begin(), frame.end());
  }
  for (const size_t step : {size_t{1}, size_t{3}, size_t{500}, bytes.size()}) {
    server.got.clear();
    for (size_t at = 0; at < bytes.size(); at += step) {
      client.write(Bytes(bytes).subspan(at, std::min(step, bytes.size() - at)));
      io.poll();
    }
    REQUIRE(run_until(io, [&] { return server.got.size() == sent.size(); }));
    for (size_t i = 0; i < sent.size(); ++i) CHECK(server.got[i] == sent[i]);
  }
  CHECK(server.last.remote.address().to_string() == "127.0.0.1");

  std::vector<std::vector<uint8_t>> back;
  client.handler = [&](Bytes datagram) { back.emplace_back(datagram.begin(), datagram.end()); };
  for (const auto& datagram : sent) server.paths->send(datagram, server.last);
  REQUIRE(run_until(io, [&] { return back.size() == sent.size(); }));
  for (size_t i = 0; i < sent.size(); ++i) CHECK(back[i] == sent[i]);

  const std::array<uint8_t, 2> too_long{0x08, 0x01};
  client.write(too_long);
  REQUIRE(run_until(io, [&] { return client.ended; }));
  CHECK(server.paths->counts().connections == 0);
}

TEST_CASE("strangers have their place for a while, and make room for others") {
  asio::io_context io;
  Server server(io, 3);
  TcpClient first(io, server.number), second(io, server.number), third(io, server.number);
  first.write(framed(std::vector<uint8_t>{1}));
  REQUIRE(run_until(
      io, [&] { return server.paths->counts().connections == 3 && !server.got.empty(); }));
  server.known = server.last.tcp;
  TcpClient fourth(io, server.number);
  REQUIRE(run_until(io, [&] { return second.ended; }));
  CHECK(server.paths->counts().connections == 3);
  CHECK_FALSE(first.ended);
  server.paths->tick(monotonic_now() + 9s);
  CHECK(server.paths->counts().connections == 3);
  server.paths->tick(monotonic_now() + 11s);
  CHECK(server.paths->counts().connections == 1);
  REQUIRE(run_until(io, [&] { return third.ended && fourth.ended; }));
  CHECK_FALSE(first.ended);
}

TEST_CASE("who does not read loses datagrams, and nothing grows") {
  asio::io_context io;
  Server server(io, 3);
  tcp::socket mute(io);
  mute.set_option(asio::socket_base::receive_buffer_size(4096),
                  *std::make_unique<boost::system::error_code>());
  mute.connect({asio::ip::make_address("127.0.0.1"), server.number});
  asio::write(mute, asio::buffer(framed(std::vector<uint8_t>{1})));
  REQUIRE(run_until(io, [&] { return !server.got.empty(); }));
  const std::vector<uint8_t> datagram(1200, 5);
  for (int i = 0; i < 20000; ++i) {
    server.paths->send(datagram, server.last);
    io.poll();
  }
  const auto counts = server.paths->counts();
  CHECK(counts.unsent > 5000);
  CHECK(counts.sent + counts.unsent == 20000);
}

TEST_CASE("a session by TCP: checks, DTLS, media both ways") {
  asio::io_context io;
  Port port(io, {"127.0.0.1", 0, {}, 3});
  const Local local = port.local();
  REQUIRE(local.candidates.size() == 2);
  TcpClient client(io, local.candidates[1].port);
  Peer peer(local.ice, local.fingerprint, Dtls::Role::kClient,
            [&](Bytes bytes) { client.write(framed(bytes)); });
  client.handler = [&](Bytes datagram) { peer.receive(datagram); };
  Answer answer;
  answer.remote = peer.ice;
  answer.fingerprints = {peer.context.certificate().fingerprint()};
  int got = 0;
  SessionHandlers handlers;
  handlers.rtp = [&](Bytes) { ++got; };
  const auto session = port.open(local.ice, answer, handlers);
  peer.check();
  REQUIRE(run_until(io, [&] { return session->is_connected() && peer.srtp; }));
  for (uint16_t n = 0; n < 5; ++n) {
    peer.send_rtp(rtp_packet(n));
    CHECK(session->send_rtp(rtp_packet(n, 1200)));
  }
  REQUIRE(run_until(io, [&] { return got == 5 && peer.received.size() == 5; }));
  CHECK(port.counts().tcp_connections == 1);
  session->close();
  REQUIRE(run_until(io, [&] { return peer.dtls.state() == Dtls::State::kClosed; }));
}
