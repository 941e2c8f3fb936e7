// The ICE-lite agent of one session (RFC 8445 2.5): it answers checks, never sends any, is always
// controlled, and learns the peer's address from checks alone, so candidates of the peer are not
// needed. Pure: bytes and time in, bytes out.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "webrtc/stun.h"

namespace stream::webrtc {

struct IceCredentials {
  std::string ufrag, password;

  // 48 and 144 random bits.
  static IceCredentials make();
  friend bool operator==(const IceCredentials&, const IceCredentials&) = default;
};
// RFC 8839 5.4: 4 to 256 and 22 to 256 characters of ALPHA, DIGIT, "+", "/".
bool are_valid(const IceCredentials& credentials);

// Where datagrams come from and go to. `local` matters on a machine with several addresses.
struct Path {
  Endpoint remote;
  boost::asio::ip::address local;
  uint32_t tcp = 0;  // number of the connection; 0: UDP
  bool is_same_peer(const Path& other) const { return remote == other.remote && tcp == other.tcp; }
  friend bool operator==(const Path&, const Path&) = default;
};

inline constexpr Nanoseconds kConsentSpan = std::chrono::seconds(30);  // RFC 7675 5.1
inline constexpr size_t kMaxPaths = 8;

class IceLite {
 public:
  IceLite(IceCredentials local, IceCredentials remote, Nanoseconds now);

  // The answer to a message; nullopt: none is due. Anything that is not an authenticated check
  // changes nothing.
  std::optional<std::vector<uint8_t>> answer(const StunMessage& message, const Path& from,
                                             Nanoseconds now);
  // Where to send: the last nominated pair; before, the last that was checked.
  const std::optional<Path>& chosen() const noexcept { return chosen_; }
  bool nominated() const noexcept { return nominated_; }
  // A check with our password came from there.
  bool is_checked(const Path& path) const;
  // Grows when the set of checked paths changes.
  uint64_t changes() const noexcept { return changes_; }
  std::vector<Path> checked() const;
  // No authenticated check for kConsentSpan.
  bool has_expired(Nanoseconds now) const { return now - heard_ >= kConsentSpan; }
  Nanoseconds last_heard() const noexcept { return heard_; }

  // New credentials on both sides (RFC 8445 9). The former ones and their pair go on until a check
  // with the new ones nominates.
  void restart(IceCredentials local, IceCredentials remote);
  const IceCredentials& local() const noexcept { return next_ ? next_->local : current_.local; }
  const IceCredentials& remote() const noexcept { return next_ ? next_->remote : current_.remote; }
  // The session is to be found by these.
  std::vector<std::string> ufrags() const;

 private:
  struct Generation {
    IceCredentials local, remote;
  };
  struct Checked {
    Path path;
    Nanoseconds at{0};
  };
  void take(const Path& from, bool nominates, Nanoseconds now);

  Generation current_;
  std::optional<Generation> next_;
  std::vector<Checked> checked_;
  std::optional<Path> chosen_;
  bool nominated_ = false;
  Nanoseconds heard_;
  uint64_t changes_ = 0;
};

}  // namespace stream::webrtc
