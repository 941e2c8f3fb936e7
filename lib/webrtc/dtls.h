// DTLS 1.2 with use_srtp (RFC 5764) of one session: datagrams in, datagrams out, at the end the
// keys of SRTP. Both roles. Only datagrams of a pair that ICE has checked may be fed, so there is
// no cookie. OpenSSL's retransmission timer goes by its own clock: tick() a few times a second.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "base/buffer.h"
#include "webrtc/certificate.h"
#include "webrtc/srtp.h"

namespace stream::webrtc {

inline constexpr size_t kDtlsMtu = 1200;

// What the sessions of one process share; made once.
class DtlsContext {
 public:
  explicit DtlsContext(Certificate certificate);
  ~DtlsContext();
  DtlsContext(const DtlsContext&) = delete;
  const Certificate& certificate() const noexcept { return certificate_; }

 private:
  friend class Dtls;
  Certificate certificate_;
  void* context_;  // SSL_CTX
};

class Dtls {
 public:
  enum class State { kHandshake, kConnected, kClosed, kFailed };
  enum class Role { kClient, kServer };
  using Send = std::function<void(Bytes datagram)>;

  // `peer`: what the certificate of the other side must have. The context outlives this.
  Dtls(const DtlsContext& context, Role role, Fingerprint peer, Send send);
  ~Dtls();
  Dtls(const Dtls&) = delete;

  void start();  // a client's first flight; nothing for a server
  void receive(Bytes datagram);
  void tick();   // sends the last flight again when its time has come
  void close();  // sends close_notify

  State state() const noexcept;
  const std::string& error() const noexcept;  // of kFailed, for people
  // Of kConnected.
  const SrtpKeys& keys() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// RFC 7983.
inline bool looks_like_dtls(Bytes datagram) {
  return !datagram.empty() && datagram[0] >= 20 && datagram[0] <= 63;
}

}  // namespace stream::webrtc
