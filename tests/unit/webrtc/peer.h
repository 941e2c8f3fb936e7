// The other side of a session, for tests: checks like a full ICE agent, DTLS in either role, SRTP.
#pragma once
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <functional>

#include "webrtc/session.h"

namespace stream::webrtc {

struct Peer {
  Peer(IceCredentials remote_ice, Fingerprint remote, Dtls::Role role,
       std::function<void(Bytes)> output, Certificate certificate = {})
      : their_ice(std::move(remote_ice)),
        context(std::move(certificate)),
        send(std::move(output)),
        dtls(context, role, std::move(remote), [this](Bytes bytes) { send(bytes); }) {}

  void check(bool nominate = true) {
    TransactionId id{};
    id[0] = ++checks;
    StunWriter writer(StunClass::kRequest, id);
    writer.username(their_ice.ufrag + ":" + ice.ufrag).priority(100).controlling(1);
    if (nominate) writer.use_candidate();
    send(writer.finish(their_ice.password));
  }
  void receive(Bytes datagram) {
    if (looks_like_stun(datagram)) {
      const auto message = parse_stun(datagram);
      if (message && message->kind == StunClass::kSuccess && message->is_by(their_ice.password) &&
          ++answers == 1)
        dtls.start();
    } else if (looks_like_dtls(datagram)) {
      dtls.receive(datagram);
      if (dtls.state() == Dtls::State::kConnected && !srtp)
        srtp = std::make_unique<Srtp>(dtls.keys());
    } else if (srtp) {
      std::vector<uint8_t> copy(datagram.begin(), datagram.end());
      std::span<uint8_t> packet(copy);
      const bool rtcp = copy.size() > 1 && copy[1] >= 192 && copy[1] <= 223;
      const auto result = rtcp ? srtp->unprotect_rtcp(packet) : srtp->unprotect_rtp(packet);
      if (result == Srtp::Result::kOk) received.emplace_back(packet.begin(), packet.end());
    }
  }
  void send_rtp(Bytes packet) {
    std::vector<uint8_t> space(packet.begin(), packet.end());
    space.resize(packet.size() + kSrtpRoom);
    const auto size = srtp->protect_rtp(space, packet.size());
    send({space.data(), size.value_or(0)});
  }

  IceCredentials ice = IceCredentials::make(), their_ice;
  DtlsContext context;
  std::function<void(Bytes)> send;
  Dtls dtls;
  std::unique_ptr<Srtp> srtp;
  uint8_t checks = 0;
  int answers = 0;
  std::vector<std::vector<uint8_t>> received;
};

// 12 bytes of header and some payload.
inline std::vector<uint8_t> rtp_packet(uint16_t sequence, size_t payload = 100, uint32_t ssrc = 7) {
  std::vector<uint8_t> packet(12 + payload, static_cast<uint8_t>(sequence));
  packet[0] = 0x80;
  packet[1] = 96;
  packet[2] = static_cast<uint8_t>(sequence >> 8);
  packet[3] = static_cast<uint8_t>(sequence);
  for (int i = 0; i < 4; ++i) packet[8 + i] = static_cast<uint8_t>(ssrc >> (24 - 8 * i));
  return packet;
}

template <typename Condition>
bool run_until(boost::asio::io_context& io, Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    io.run_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace stream::webrtc
