// One peer of a Port: ICE, DTLS and SRTP put together. Datagrams and time in, datagrams out by an
// Outlet; no socket inside. After `closed` was called, and after close(), nothing is called and
// nothing is sent. Handlers may call any function of the session. One thread.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "webrtc/answer.h"
#include "webrtc/dtls.h"
#include "webrtc/ice_lite.h"
#include "webrtc/srtp.h"

namespace stream::webrtc {

enum class SessionEnd {
  kPeer,     // said so by DTLS
  kConsent,  // no check for 30 s: gone
  kNoMedia,  // ICE or DTLS did not come about in 30 s
  kFailed,   // DTLS: a wrong fingerprint, no common profile
  kPort,     // the port was stopped
};

struct SessionOptions {
  IceCredentials local, remote;
  std::vector<Fingerprint> fingerprints;  // of the peer; the first counts
  Setup setup = Setup::kPassive;          // ours
};

struct SessionHandlers {
  std::function<void()> connected;
  // Decrypted, in memory that is valid during the call only.
  std::function<void(Bytes packet)> rtp, rtcp;
  std::function<void(SessionEnd end, const std::string& reason)> closed;
};

struct SessionStats {
  uint64_t received_packets = 0, received_bytes = 0;  // of media, decrypted
  uint64_t sent_packets = 0, sent_bytes = 0;
  uint64_t forged = 0, replayed = 0;  // SRTP that was dropped
  std::string remote;                 // "192.0.2.1:40000"; empty before the first check
  std::string profile;                // of SRTP
};

// Where a session's datagrams go.
class Outlet {
 public:
  virtual ~Outlet() = default;
  // Room for a datagram of up to `size` bytes that is sent by commit(); valid until then.
  virtual std::span<uint8_t> room(size_t size) = 0;
  virtual void commit(size_t size, const Path& path) = 0;
  void send(Bytes datagram, const Path& path);
};

class Session {
 public:
  Session(const DtlsContext& context, SessionOptions options, SessionHandlers handlers,
          Outlet& outlet, Nanoseconds now);
  ~Session();
  Session(const Session&) = delete;

  bool is_connected() const noexcept { return srtp_ != nullptr && !closed_; }
  bool is_closed() const noexcept { return closed_; }
  // A whole packet; false: not connected, or larger than a datagram may be.
  bool send_rtp(Bytes packet);
  bool send_rtcp(Bytes packet);
  // Tells the peer; `closed` is not called.
  void close();

  // For PATCH: our new credentials. Media goes on meanwhile.
  IceCredentials restart_ice(IceCredentials remote);
  const IceCredentials& local() const noexcept { return ice_.local(); }
  const IceCredentials& remote() const noexcept { return ice_.remote(); }
  SessionStats stats() const;
  Nanoseconds last_heard() const noexcept { return ice_.last_heard(); }  // of a check

  // The port's side.
  void receive_stun(const StunMessage& message, const Path& from, Nanoseconds now);
  void receive(std::span<uint8_t> datagram, const Path& from, Nanoseconds now);
  void tick(Nanoseconds now);
  void end(SessionEnd end, const std::string& reason);
  const IceLite& ice() const noexcept { return ice_; }

 private:
  bool send(Bytes packet, bool rtcp);
  void check_dtls();

  SessionHandlers handlers_;
  Outlet& outlet_;
  IceLite ice_;
  Dtls dtls_;
  std::unique_ptr<Srtp> srtp_;
  SessionStats stats_;
  SrtpProfile profile_{};
  Nanoseconds opened_;
  bool started_ = false, closed_ = false;
};

}  // namespace stream::webrtc
