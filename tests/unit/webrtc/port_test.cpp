#include "webrtc/port.h"

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/steady_timer.hpp>

#include "base/error.h"
#include "unit/webrtc/peer.h"

using namespace stream;
using namespace stream::webrtc;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

// A Peer behind a socket of its own.
struct UdpClient {
  UdpClient(asio::io_context& io, const Port& port, const Local& local)
      : socket(io, Endpoint(asio::ip::make_address("127.0.0.1"), 0)),
        peer(local.ice, local.fingerprint, Dtls::Role::kClient,
             [this, to = port.port()](Bytes bytes) {
               socket.send_to(asio::buffer(bytes.data(), bytes.size()),
                              Endpoint(asio::ip::make_address("127.0.0.1"), to));
             }) {
    wait();
  }
  void wait() {
    socket.async_receive_from(asio::buffer(space), from, [this](auto error, size_t size) {
      if (error) return;
      peer.receive({space.data(), size});
      wait();
    });
  }
  Answer answer() const {
    Answer result;
    result.remote = peer.ice;
    result.fingerprints = {peer.context.certificate().fingerprint()};
    return result;
  }
  asio::ip::udp::socket socket;
  Endpoint from;
  std::array<uint8_t, 2048> space{};
  Peer peer;
};

}  // namespace

TEST_CASE("many sessions on one port, strangers dropped (I24)") {
  asio::io_context io;
  Port port(io, {"127.0.0.1", 0, {}, 3});
  const Local first = port.local();
  REQUIRE(first.candidates.size() == 2);  // UDP and TCP
  CHECK(first.candidates[0].address == "127.0.0.1");
  CHECK(first.candidates[0].port == port.port());
  std::vector<std::unique_ptr<UdpClient>> clients;
  std::vector<std::shared_ptr<Session>> sessions;
  std::array<int, 3> got{};
  for (size_t i = 0; i < 3; ++i) {
    const Local local = port.local();
    clients.push_back(std::make_unique<UdpClient>(io, port, local));
    SessionHandlers handlers;
    handlers.rtp = [&got, i](Bytes) { ++got[i]; };
    sessions.push_back(port.open(local.ice, clients[i]->answer(), handlers));
    REQUIRE(sessions[i]);
    clients[i]->peer.check();
  }
  CHECK_FALSE(port.open(first.ice, clients[0]->answer(), {}));  // full
  REQUIRE(run_until(io, [&] {
    return port.counts().connected == 3 && clients[0]->peer.srtp && clients[1]->peer.srtp &&
           clients[2]->peer.srtp;
  }));
  for (size_t i = 0; i < 3; ++i)
    for (uint16_t n = 0; n <= i; ++n) {
      clients[i]->peer.send_rtp(rtp_packet(n));
      CHECK(sessions[i]->send_rtp(rtp_packet(n)));
    }
  REQUIRE(run_until(io, [&] {
    return got == std::array{1, 2, 3} && clients[2]->peer.received.size() == 3;
  }));

  UdpClient stranger(io, port, port.local());
  stranger.peer.check();
  for (int i = 0; i < 100; ++i) stranger.peer.send(std::vector<uint8_t>(100, 22));
  REQUIRE(run_until(io, [&] { return port.counts().strangers == 101; }));
  CHECK(stranger.peer.answers == 0);

  sessions[1]->close();
  REQUIRE(run_until(io, [&] { return clients[1]->peer.dtls.state() == Dtls::State::kClosed; }));
  CHECK(port.counts().sessions == 2);
  const Local again = port.local();
  REQUIRE(run_until(io, [&] { return port.open(again.ice, clients[1]->answer(), {}) != nullptr; }));
}

TEST_CASE("a restart is found by its new name, a stop ends all") {
  asio::io_context io;
  Port port(io, {"127.0.0.1", 0, {}});
  const Local local = port.local();
  UdpClient client(io, port, local);
  int ended = 0;
  SessionHandlers handlers;
  handlers.closed = [&](SessionEnd end, const std::string&) { ended += end == SessionEnd::kPort; };
  const auto session = port.open(local.ice, client.answer(), handlers);
  client.peer.check();
  REQUIRE(run_until(io, [&] { return session->is_connected() && client.peer.srtp; }));
  client.peer.ice = IceCredentials::make();
  client.peer.their_ice = session->restart_ice(client.peer.ice);
  client.peer.answers = 1;  // not to start DTLS again
  REQUIRE(run_until(io, [&] {
    client.peer.check();
    return client.peer.answers > 1;
  }));
  port.stop();
  CHECK(ended == 1);
  CHECK_FALSE(session->send_rtp(rtp_packet(1)));
  REQUIRE(run_until(io, [&] { return client.peer.dtls.state() == Dtls::State::kClosed; }));
}

TEST_CASE("what is advertised, and what cannot be") {
  asio::io_context io;
  Port port(io, {"", 0, {"2001:db8::7", "203.0.113.7", "203.0.113.8:9000", "[2001:db8::8]:9001"}});
  const auto candidates = port.local().candidates;
  REQUIRE(candidates.size() == 8);
  CHECK(candidates[0].address == "203.0.113.7");
  CHECK(candidates[0].port == port.port());
  CHECK(candidates[0].priority == 2130706431);
  CHECK(candidates[1].port == 9000);
  CHECK(candidates[2].address == "2001:db8::7");
  CHECK(candidates[3].port == 9001);
  CHECK(to_text(candidates[4]).find(" tcp ") != std::string::npos);
  CHECK(to_text(candidates[4]).ends_with("typ host tcptype passive"));
  CHECK(candidates[4].address == "203.0.113.7");
  for (size_t i = 4; i < 8; ++i) CHECK(candidates[i].priority < candidates[3].priority);
  Port all(io, {"", 0, {}});
  CHECK(!all.local().candidates.empty());
  for (const char* wrong :
       {"", "example.net", "0.0.0.0", "1.2.3.4:0", "1.2.3.4:x", "[::1", "224.0.0.1"})
    CHECK_THROWS_AS(Port(io, {"127.0.0.1", 0, {wrong}}), Error);
  CHECK_THROWS_AS(Port(io, {"192.0.2.200", 0, {}}), Error);
  CHECK_THROWS_AS(Port(io, {"", port.port(), {}}), Error);
}
