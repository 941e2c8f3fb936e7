#include "webrtc/session.h"

#include <doctest/doctest.h>

#include <thread>

#include "unit/webrtc/peer.h"

using namespace stream;
using namespace stream::webrtc;
using namespace std::chrono_literals;

namespace {

class Wire : public Outlet {
 public:
  std::span<uint8_t> room(size_t) override { return space_; }
  void commit(size_t size, const Path& path) override {
    to = path;
    queue.emplace_back(space_.begin(), space_.begin() + static_cast<long>(size));
  }
  std::deque<std::vector<uint8_t>> queue;
  Path to;

 private:
  std::array<uint8_t, 2048> space_{};
};

struct Pair {
  explicit Pair(Dtls::Role peer_role = Dtls::Role::kClient, bool right_certificate = true)
      : peer(ours, context.certificate().fingerprint(), peer_role,
             [this](Bytes bytes) { to_session.emplace_back(bytes.begin(), bytes.end()); }) {
    auto fingerprint = peer.context.certificate().fingerprint();
    if (!right_certificate) fingerprint.digest[5] ^= 1;
    const Setup setup = peer_role == Dtls::Role::kClient ? Setup::kPassive : Setup::kActive;
    SessionHandlers handlers;
    handlers.connected = [this] { ++connected; };
    handlers.rtp = [this](Bytes bytes) { rtp.emplace_back(bytes.begin(), bytes.end()); };
    handlers.rtcp = [this](Bytes bytes) { rtcp.emplace_back(bytes.begin(), bytes.end()); };
    handlers.closed = [this](SessionEnd end, const std::string&) { ends.push_back(end); };
    session = std::make_unique<Session>(
        context, SessionOptions{ours, peer.ice, {fingerprint}, setup}, handlers, wire, 0s);
    from.remote = Endpoint(boost::asio::ip::make_address("192.0.2.7"), 5000);
  }
  void deliver(std::vector<uint8_t> bytes, Nanoseconds now) {
    if (looks_like_stun(bytes)) {
      if (const auto message = parse_stun(bytes)) session->receive_stun(*message, from, now);
    } else {
      session->receive(bytes, from, now);
    }
  }
  // Moves what is under way; `lose(n)` says whether the n-th datagram is lost.
  void turn(Nanoseconds now, const std::function<bool(size_t)>& lose = {}) {
    while (!to_session.empty() || !wire.queue.empty()) {
      auto& queue = to_session.empty() ? wire.queue : to_session;
      const auto bytes = queue.front();
      const bool towards_us = &queue == &to_session;
      queue.pop_front();
      if (lose && lose(moved++)) continue;
      if (towards_us)
        deliver(bytes, now);
      else
        peer.receive(bytes);
    }
  }
  void connect() {
    peer.check();
    turn(1s);
    REQUIRE(connected == 1);
    REQUIRE(peer.srtp);
  }

  IceCredentials ours = IceCredentials::make();
  DtlsContext context{Certificate()};
  Wire wire;
  std::deque<std::vector<uint8_t>> to_session;
  Peer peer;
  std::unique_ptr<Session> session;
  Path from;
  size_t moved = 0;
  int connected = 0;
  std::vector<std::vector<uint8_t>> rtp, rtcp;
  std::vector<SessionEnd> ends;
};

const std::vector<uint8_t> kPli{0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2};

}  // namespace

TEST_CASE("two endpoints connect in either role and media goes both ways") {
  for (const auto role : {Dtls::Role::kClient, Dtls::Role::kServer}) {
    Pair pair(role);
    CHECK_FALSE(pair.session->send_rtp(rtp_packet(1)));
    pair.connect();
    CHECK(pair.session->stats().profile == "AEAD_AES_128_GCM");
    CHECK(pair.session->stats().remote == "192.0.2.7:5000");
    for (uint16_t i = 0; i < 20; ++i) {
      pair.peer.send_rtp(rtp_packet(i, 40 * i));
      CHECK(pair.session->send_rtp(rtp_packet(i, 50 * i)));
    }
    CHECK(pair.session->send_rtcp(kPli));
    pair.turn(2s);
    REQUIRE(pair.rtp.size() == 20);
    CHECK(pair.rtp[19] == rtp_packet(19, 40 * 19));
    REQUIRE(pair.peer.received.size() == 21);
    CHECK(pair.peer.received[19] == rtp_packet(19, 50 * 19));
    CHECK(pair.peer.received[20] == kPli);
    CHECK(pair.session->send_rtp(rtp_packet(3)));  // the same once more, as NACK asks
    CHECK_FALSE(pair.session->send_rtp(rtp_packet(30, 1500)));
    CHECK_FALSE(pair.session->send_rtp(std::vector<uint8_t>(5)));
  }
}

TEST_CASE("the handshake survives the loss of any of its datagrams") {
  for (const auto role : {Dtls::Role::kClient, Dtls::Role::kServer}) {
    for (size_t lost = 2; lost < 9; ++lost) {  // 0 and 1 are the check and its answer
      CAPTURE(lost);
      Pair pair(role);
      pair.peer.check();
      const auto lose = [&](size_t n) { return n == lost; };
      for (int i = 0; i < 1000 && !(pair.connected && pair.peer.srtp); ++i) {
        pair.turn(1s, lose);
        pair.session->tick(1s);
        pair.peer.dtls.tick();
        if (pair.to_session.empty() && pair.wire.queue.empty()) std::this_thread::sleep_for(5ms);
      }
      CHECK(pair.connected == 1);
      CHECK(pair.peer.srtp);
    }
  }
}

TEST_CASE("a peer with another certificate than its SDP says is refused") {
  Pair pair(Dtls::Role::kClient, false);
  pair.peer.check();
  pair.turn(1s);
  CHECK(pair.connected == 0);
  CHECK(pair.ends == std::vector{SessionEnd::kFailed});
  CHECK(pair.session->is_closed());
}

TEST_CASE("who has not passed a check is not heard, forged and repeated packets are dropped") {
  Pair pair;
  pair.connect();
  pair.peer.send_rtp(rtp_packet(1));
  auto good = pair.to_session.front();
  pair.to_session.clear();
  const Path stranger{Endpoint(boost::asio::ip::make_address("192.0.2.8"), 5000), {}};
  auto copy = good;
  pair.session->receive(copy, stranger, 2s);
  CHECK(pair.rtp.empty());
  for (size_t size = 0; size < good.size(); ++size) {
    std::vector<uint8_t> part(good.begin(), good.begin() + static_cast<long>(size));
    pair.deliver(part, 2s);
  }
  copy = good;
  copy.back() ^= 1;
  pair.deliver(copy, 2s);
  CHECK(pair.rtp.empty());
  CHECK(pair.session->stats().forged > 50);
  pair.deliver(good, 2s);
  pair.deliver(good, 2s);
  CHECK(pair.rtp.size() == 1);
  CHECK(pair.session->stats().replayed == 1);
}

TEST_CASE("a peer cannot open sources without a bound") {
  Pair pair;
  pair.connect();
  for (uint32_t ssrc = 1; ssrc <= 200; ++ssrc) pair.peer.send_rtp(rtp_packet(1, 10, ssrc));
  pair.turn(2s);
  CHECK(pair.rtp.size() == kMaxSources);
}

TEST_CASE("ends: the peer's, ours, of consent, without media") {
  SUBCASE("the peer closes") {
    Pair pair;
    pair.connect();
    pair.peer.dtls.close();
    pair.turn(2s);
    CHECK(pair.ends == std::vector{SessionEnd::kPeer});
  }
  SUBCASE("we close: the peer is told, nobody calls back") {
    Pair pair;
    pair.connect();
    pair.session->close();
    pair.turn(2s);
    CHECK(pair.ends.empty());
    CHECK(pair.peer.dtls.state() == Dtls::State::kClosed);
    CHECK_FALSE(pair.session->send_rtp(rtp_packet(1)));
  }
  SUBCASE("no check for 30 s") {
    Pair pair;
    pair.connect();
    pair.session->tick(30s);
    CHECK(pair.ends.empty());
    pair.session->tick(31s);
    CHECK(pair.ends == std::vector{SessionEnd::kConsent});
  }
  SUBCASE("checks but no handshake") {
    Pair pair;
    pair.peer.check();
    pair.deliver(pair.to_session.front(), 20s);
    pair.session->tick(30s);
    CHECK(pair.ends == std::vector{SessionEnd::kNoMedia});
  }
}

TEST_CASE("a restart moves the session to a new address while media goes on") {
  Pair pair;
  pair.connect();
  pair.peer.ice = IceCredentials::make();
  pair.peer.their_ice = pair.session->restart_ice(pair.peer.ice);
  CHECK(pair.session->send_rtp(rtp_packet(1)));
  pair.turn(2s);
  CHECK(pair.wire.to.remote.port() == 5000);
  pair.from.remote.port(6000);
  pair.peer.check();
  pair.turn(3s);
  CHECK(pair.session->send_rtp(rtp_packet(2)));
  pair.turn(4s);
  CHECK(pair.wire.to.remote.port() == 6000);
  CHECK(pair.peer.received.size() == 2);
}

TEST_CASE("garbage in place of a handshake does no harm") {
  Pair pair;
  pair.peer.check();
  pair.deliver(pair.to_session.front(), 1s);
  pair.to_session.clear();
  uint32_t state = 1;
  for (int i = 0; i < 2000; ++i) {
    std::vector<uint8_t> bytes(static_cast<size_t>(i % 300));
    for (auto& byte : bytes)
      byte = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
    const uint8_t head[] = {22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1};
    std::copy_n(head, std::min(bytes.size(), sizeof head), bytes.begin());
    pair.deliver(bytes, 1s);
  }
  CHECK(pair.rtp.empty());
}
