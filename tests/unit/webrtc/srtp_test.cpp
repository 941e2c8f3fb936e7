#include "webrtc/srtp.h"

#include <doctest/doctest.h>

#include "rtp/packet.h"
#include "unit/webrtc/peer.h"
#include "webrtc/srtp_ciphers.h"

using namespace stream;
using namespace stream::webrtc;

namespace {

SrtpKeys keys_of(SrtpProfile profile, bool mirrored) {
  SrtpKeys keys;
  keys.profile = profile;
  keys.local.assign(key_size(profile) + salt_size(profile), mirrored ? 2 : 1);
  keys.remote.assign(key_size(profile) + salt_size(profile), mirrored ? 1 : 2);
  return keys;
}

}  // namespace

TEST_CASE("libsrtp2 takes the ciphers of OpenSSL, each tested with its vectors and with ours") {
  const Srtp first(keys_of(SrtpProfile::kAeadAes128Gcm, false));  // begins libsrtp2
  CHECK(use_openssl_in_srtp() == 5);
}

TEST_CASE("packets come through, and nobody else's") {
  for (const auto profile :
       {SrtpProfile::kAes128CmSha1_80, SrtpProfile::kAeadAes128Gcm, SrtpProfile::kAeadAes256Gcm}) {
    CAPTURE(name_of(profile));
    Srtp here(keys_of(profile, false)), there(keys_of(profile, true));
    for (uint16_t i = 0; i < 50; ++i) {
      const auto plain = rtp_packet(static_cast<uint16_t>(65520 + i), size_t{i} * 20);
      auto space = plain;
      space.resize(plain.size() + kSrtpRoom);
      const auto size = here.protect_rtp(space, plain.size());
      REQUIRE(size);
      CHECK(*size > plain.size());
      auto forged = space;
      forged[*size - 1] ^= 1;
      std::span<uint8_t> wrong(forged.data(), *size), right(space.data(), *size);
      CHECK(there.unprotect_rtp(wrong) == Srtp::Result::kForged);
      REQUIRE(there.unprotect_rtp(right) == Srtp::Result::kOk);
      CHECK(std::equal(right.begin(), right.end(), plain.begin(), plain.end()));
    }
    std::vector<uint8_t> report{0x80, 201, 0, 1, 0, 0, 0, 9};
    report.resize(8 + kSrtpRoom);
    const auto size = here.protect_rtcp(report, 8);
    REQUIRE(size);
    auto forged = report;
    forged[4] ^= 1;
    std::span<uint8_t> wrong(forged.data(), *size), right(report.data(), *size);
    CHECK(there.unprotect_rtcp(wrong) == Srtp::Result::kForged);
    REQUIRE(there.unprotect_rtcp(right) == Srtp::Result::kOk);
    CHECK(right.size() == 8);
  }
}

// What libsrtp2 with the ciphers that it was built with (NSS) made of the same packet.
TEST_CASE("the packets are those of any other implementation") {
  const std::pair<SrtpProfile, std::string> sealed[] = {
      {SrtpProfile::kAes128CmSha1_80, "8a74bc35551b9d5d68561e22e326"},
      {SrtpProfile::kAeadAes128Gcm, "01d46d8165b8b925cc35915e1b4d28e716049c32"},
      {SrtpProfile::kAeadAes256Gcm, "c496915a2461dc2ba8f906a99eecd990622cb871"}};
  for (const auto& [profile, expected] : sealed) {
    const std::string name(name_of(profile));  // clang captures no binding
    CAPTURE(name);
    Srtp here(keys_of(profile, false));
    std::vector<uint8_t> packet{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 1, 2, 3, 4};
    packet.resize(16 + kSrtpRoom);
    const auto size = here.protect_rtp(packet, 16);
    REQUIRE(size);
    std::string text;
    for (size_t i = rtp::kHeaderSize; i < *size; ++i)
      for (const int half : {packet[i] >> 4, packet[i] & 15}) text += "0123456789abcdef"[half];
    CHECK(text == expected);
  }
}
