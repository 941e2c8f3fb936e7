#include "webrtc/srtp.h"

#include <srtp2/srtp.h>

#include <algorithm>
#include <new>

#include "base/error.h"
#include "rtp/packet.h"
#include "webrtc/srtp_ciphers.h"

namespace stream::webrtc {
namespace {

constexpr unsigned long kWindow = 1024;  // packets that may come late: NACK answers do

srtp_profile_t profile_of(SrtpProfile profile) {
  switch (profile) {
    case SrtpProfile::kAeadAes128Gcm:
      return srtp_profile_aead_aes_128_gcm;
    case SrtpProfile::kAeadAes256Gcm:
      return srtp_profile_aead_aes_256_gcm;
    case SrtpProfile::kAes128CmSha1_80:
      break;
  }
  return srtp_profile_aes128_cm_sha1_80;
}

[[noreturn]] void refuse_profile(SrtpProfile profile, int code) {
  // Neither is said of what the library was built without.
  if (code == srtp_err_status_alloc_fail || code == srtp_err_status_init_fail)
    throw std::bad_alloc();
  throw Error(Exit::kUnsupported, "webrtc.srtp",
              "libsrtp2 cannot do " + std::string(name_of(profile)) + " (code " +
                  std::to_string(code) + ")",
              "install libsrtp2 with AES-GCM, as Debian has it");
}

srtp_t make(const SrtpKeys& keys, bool outbound) {
  // It tests itself, which needs memory and nothing else that may lack. No call_once: an error goes
  // through C by that, and glibc loads a library to let it.
  static const bool prepared = [] {
    if (srtp_init() != srtp_err_status_ok) throw std::bad_alloc();
    use_openssl_in_srtp();
    return true;
  }();
  static_cast<void>(prepared);
  srtp_policy_t policy{};
  const srtp_profile_t profile = profile_of(keys.profile);
  auto key = outbound ? keys.local : keys.remote;
  srtp_err_status_t status = srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile);
  if (status == srtp_err_status_ok)
    status = srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile);
  if (key.size() != key_size(keys.profile) + salt_size(keys.profile))
    status = srtp_err_status_bad_param;
  policy.ssrc.type = outbound ? ssrc_any_outbound : ssrc_any_inbound;
  policy.key = key.data();
  policy.window_size = kWindow;
  policy.allow_repeat_tx = outbound ? 1 : 0;
  srtp_t session = nullptr;
  if (status == srtp_err_status_ok) status = srtp_create(&session, &policy);
  std::fill(key.begin(), key.end(), uint8_t{0});
  if (status != srtp_err_status_ok) refuse_profile(keys.profile, status);
  return session;
}

// libsrtp trusts some lengths. What is behind the header is still encrypted.
bool has_whole_header(std::span<const uint8_t> packet) {
  if (packet.size() < rtp::kHeaderSize || packet[0] >> 6 != 2) return false;
  size_t size = rtp::kHeaderSize + size_t{4} * (packet[0] & 15);
  if (packet[0] & 0x10) {
    if (packet.size() < size + 4) return false;
    size += 4 + size_t{4} * (packet[size + 2] << 8 | packet[size + 3]);
  }
  return packet.size() >= size + 10;  // the shortest tag
}

uint32_t number_at(std::span<const uint8_t> bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | bytes[at + i];
  return value;
}

}  // namespace

std::string_view name_of(SrtpProfile profile) {
  switch (profile) {
    case SrtpProfile::kAeadAes128Gcm:
      return "AEAD_AES_128_GCM";
    case SrtpProfile::kAeadAes256Gcm:
      return "AEAD_AES_256_GCM";
    case SrtpProfile::kAes128CmSha1_80:
      break;
  }
  return "AES128_CM_SHA1_80";
}

size_t key_size(SrtpProfile profile) {
  return profile == SrtpProfile::kAeadAes256Gcm ? 32 : 16;
}

size_t salt_size(SrtpProfile profile) {
  return profile == SrtpProfile::kAes128CmSha1_80 ? 14 : 12;
}

struct Srtp::Impl {
  srtp_t in = nullptr, out = nullptr;
  std::vector<uint32_t> sources;  // that were authenticated; libsrtp keeps a state for each

  ~Impl() {
    if (in != nullptr) srtp_dealloc(in);
    if (out != nullptr) srtp_dealloc(out);
  }
  bool is_known(uint32_t ssrc) const {
    return std::find(sources.begin(), sources.end(), ssrc) != sources.end();
  }
  template <typename Unprotect>
  Result unprotect(std::span<uint8_t>& packet, uint32_t ssrc, Unprotect&& call) {
    const bool known = is_known(ssrc);
    if (!known && sources.size() >= kMaxSources) return Result::kForged;
    int size = static_cast<int>(packet.size());
    const srtp_err_status_t status = call(in, packet.data(), &size);
    if (status == srtp_err_status_replay_fail || status == srtp_err_status_replay_old)
      return Result::kReplayed;
    if (status != srtp_err_status_ok || size < 0 || static_cast<size_t>(size) > packet.size())
      return Result::kForged;
    if (!known) sources.push_back(ssrc);
    packet = packet.first(static_cast<size_t>(size));
    return Result::kOk;
  }
};

Srtp::Srtp(const SrtpKeys& keys) : impl_(std::make_unique<Impl>()) {
  impl_->in = make(keys, false);
  impl_->out = make(keys, true);
}

Srtp::~Srtp() = default;

std::optional<size_t> Srtp::protect_rtp(std::span<uint8_t> buffer, size_t size) {
  if (size > buffer.size() || buffer.size() - size < kSrtpRoom ||
      !rtp::parse_packet(buffer.first(size)))
    return std::nullopt;
  int length = static_cast<int>(size);
  if (srtp_protect(impl_->out, buffer.data(), &length) != srtp_err_status_ok) return std::nullopt;
  return static_cast<size_t>(length);
}

std::optional<size_t> Srtp::protect_rtcp(std::span<uint8_t> buffer, size_t size) {
  if (size > buffer.size() || buffer.size() - size < kSrtpRoom || size < 8 || size % 4 != 0)
    return std::nullopt;
  int length = static_cast<int>(size);
  if (srtp_protect_rtcp(impl_->out, buffer.data(), &length) != srtp_err_status_ok)
    return std::nullopt;
  return static_cast<size_t>(length);
}

Srtp::Result Srtp::unprotect_rtp(std::span<uint8_t>& packet) {
  if (!has_whole_header(packet)) return Result::kForged;
  return impl_->unprotect(packet, number_at(packet, 8), srtp_unprotect);
}

Srtp::Result Srtp::unprotect_rtcp(std::span<uint8_t>& packet) {
  if (packet.size() < 8 + 4 + 10) return Result::kForged;
  return impl_->unprotect(packet, number_at(packet, 4), srtp_unprotect_rtcp);
}

}  // namespace stream::webrtc
