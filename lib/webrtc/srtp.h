// SRTP and SRTCP (RFC 3711, RFC 7714) of one session, both ways, the only user of libsrtp2. Works
// in the caller's buffers. A sender's retransmissions of the same packet are allowed.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/buffer.h"

namespace stream::webrtc {

enum class SrtpProfile { kAes128CmSha1_80, kAeadAes128Gcm, kAeadAes256Gcm };
std::string_view name_of(SrtpProfile profile);
size_t key_size(SrtpProfile profile);   // bytes, 16 or 32
size_t salt_size(SrtpProfile profile);  // 14 or 12

struct SrtpKeys {
  SrtpProfile profile = SrtpProfile::kAes128CmSha1_80;
  std::vector<uint8_t> local, remote;  // key and salt, of what we send and of what the peer sends
};

// What protecting adds at most.
inline constexpr size_t kSrtpRoom = 32;
// Sources that one peer may use at a time.
inline constexpr size_t kMaxSources = 64;

class Srtp {
 public:
  enum class Result { kOk, kForged, kReplayed };

  // Throws Error "webrtc.srtp".
  explicit Srtp(const SrtpKeys& keys);
  ~Srtp();
  Srtp(const Srtp&) = delete;

  // The packet stands in the first `size` bytes; at least kSrtpRoom more must be there. The new
  // size; nullopt: not a packet.
  std::optional<size_t> protect_rtp(std::span<uint8_t> buffer, size_t size);
  std::optional<size_t> protect_rtcp(std::span<uint8_t> buffer, size_t size);
  // In place; `packet` becomes what it was.
  Result unprotect_rtp(std::span<uint8_t>& packet);
  Result unprotect_rtcp(std::span<uint8_t>& packet);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stream::webrtc
