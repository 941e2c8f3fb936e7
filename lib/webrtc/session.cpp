#include "webrtc/session.h"

#include <algorithm>
#include <cstring>

#include "base/url.h"
#include "rtp/packet.h"

namespace stream::webrtc {
namespace {

constexpr size_t kMaxDatagram = 1472;

Fingerprint first_of(const std::vector<Fingerprint>& fingerprints) {
  return fingerprints.empty() ? Fingerprint{} : fingerprints.front();
}

}  // namespace

void Outlet::send(Bytes datagram, const Path& path) {
  const auto space = room(datagram.size());
  if (space.size() < datagram.size()) return;
  std::copy(datagram.begin(), datagram.end(), space.begin());
  commit(datagram.size(), path);
}

Session::Session(const DtlsContext& context, SessionOptions options, SessionHandlers handlers,
                 Outlet& outlet, Nanoseconds now)
    : handlers_(std::move(handlers)),
      outlet_(outlet),
      ice_(std::move(options.local), std::move(options.remote), now),
      dtls_(context, options.setup == Setup::kActive ? Dtls::Role::kClient : Dtls::Role::kServer,
            first_of(options.fingerprints),
            [this](Bytes datagram) {
              if (ice_.chosen()) outlet_.send(datagram, *ice_.chosen());
            }),
      opened_(now) {}

Session::~Session() = default;

void Session::receive_stun(const StunMessage& message, const Path& from, Nanoseconds now) {
  if (closed_) return;
  if (const auto answer = ice_.answer(message, from, now)) outlet_.send(*answer, from);
  if (!started_ && ice_.chosen()) {
    started_ = true;
    dtls_.start();
  }
}

void Session::receive(std::span<uint8_t> datagram, const Path& from, Nanoseconds) {
  if (closed_ || datagram.empty() || !ice_.is_checked(from)) return;
  if (looks_like_dtls(datagram)) {
    dtls_.receive(datagram);
    check_dtls();
    return;
  }
  if (datagram[0] < 128 || datagram[0] > 191 || !srtp_) return;  // RFC 7983
  const bool rtcp = rtp::is_rtcp(datagram);
  const auto result = rtcp ? srtp_->unprotect_rtcp(datagram) : srtp_->unprotect_rtp(datagram);
  if (result == Srtp::Result::kForged) ++stats_.forged;
  if (result == Srtp::Result::kReplayed) ++stats_.replayed;
  if (result != Srtp::Result::kOk) return;
  ++stats_.received_packets;
  stats_.received_bytes += datagram.size();
  const auto& handler = rtcp ? handlers_.rtcp : handlers_.rtp;
  if (handler) handler(datagram);
}

void Session::check_dtls() {
  switch (dtls_.state()) {
    case Dtls::State::kConnected:
      if (srtp_) return;
      profile_ = dtls_.keys().profile;
      srtp_ = std::make_unique<Srtp>(dtls_.keys());
      if (handlers_.connected) handlers_.connected();
      return;
    case Dtls::State::kClosed:
      return end(SessionEnd::kPeer, "the peer closed the session");
    case Dtls::State::kFailed:
      return end(SessionEnd::kFailed, dtls_.error());
    case Dtls::State::kHandshake:
      return;
  }
}

void Session::tick(Nanoseconds now) {
  if (closed_) return;
  if (started_ && !srtp_) {
    dtls_.tick();
    check_dtls();
    if (closed_) return;
  }
  if (!srtp_ && now - opened_ >= kConsentSpan) {
    end(SessionEnd::kNoMedia, ice_.chosen()
                                  ? "the DTLS handshake did not end within 30 s"
                                  : "no connectivity check came within 30 s: neither UDP nor TCP "
                                    "passes, or the address in the answer is not reachable");
  } else if (ice_.has_expired(now)) {
    end(SessionEnd::kConsent, "no connectivity check for 30 s: the peer is gone");
  }
}

bool Session::send(Bytes packet, bool rtcp) {
  if (!is_connected() || !ice_.chosen() || packet.size() > kMaxDatagram) return false;
  const auto space = outlet_.room(packet.size() + kSrtpRoom);
  if (space.size() < packet.size() + kSrtpRoom) return false;
  std::memcpy(space.data(), packet.data(), packet.size());
  const auto size =
      rtcp ? srtp_->protect_rtcp(space, packet.size()) : srtp_->protect_rtp(space, packet.size());
  if (!size) return false;
  outlet_.commit(*size, *ice_.chosen());
  ++stats_.sent_packets;
  stats_.sent_bytes += packet.size();
  return true;
}

bool Session::send_rtp(Bytes packet) {
  return send(packet, false);
}

bool Session::send_rtcp(Bytes packet) {
  return send(packet, true);
}

void Session::close() {
  if (closed_) return;
  dtls_.close();
  closed_ = true;
}

void Session::end(SessionEnd end, const std::string& reason) {
  if (closed_) return;
  close();
  // The handler may let go of what it holds, itself among it.
  const auto closed = std::move(handlers_.closed);
  if (closed) closed(end, reason);
}

IceCredentials Session::restart_ice(IceCredentials remote) {
  ice_.restart(IceCredentials::make(), std::move(remote));
  return ice_.local();
}

SessionStats Session::stats() const {
  SessionStats result = stats_;
  if (ice_.chosen()) {
    const auto& remote = ice_.chosen()->remote;
    result.remote = host_port(remote.address().to_string(), remote.port());
  }
  if (srtp_) result.profile = name_of(profile_);
  return result;
}

}  // namespace stream::webrtc
