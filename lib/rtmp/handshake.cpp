#include "rtmp/handshake.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <optional>

namespace stream::rtmp {
namespace {

constexpr uint8_t kVersion = 3;
constexpr size_t kDigestSize = 32;
using Digest = std::array<uint8_t, kDigestSize>;

// Both keys of the digest form end with these bytes; the parties prove with the words before them
// and answer with the whole.
constexpr char kClientWords[] = "Genuine Adobe Flash Player 001";
constexpr char kServerWords[] = "Genuine Adobe Flash Media Server 001";
constexpr Digest kKeyEnd = {0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0,
                            0xD1, 0x02, 0x9E, 0x7E, 0x57, 0x6E, 0xEC, 0x5D, 0x2D, 0x29, 0x80,
                            0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE};

Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

Digest hmac(Bytes key, Bytes data) {
  Digest out{};
  unsigned size = kDigestSize;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out.data(),
       &size);
  return out;
}

// Where the digest stands in C1 or S1: scheme 0 keeps its offset at byte 8, scheme 1 at byte 772.
size_t digest_position(Bytes block, int scheme) {
  const size_t at = scheme == 0 ? 8 : 772;
  const size_t sum = block[at] + block[at + 1] + block[at + 2] + block[at + 3];
  return sum % 728 + at + 4;
}

// Over the block without the digest itself.
Digest digest_of(Bytes block, size_t position, Bytes key) {
  std::array<uint8_t, kHandshakeSize - kDigestSize> rest;
  std::copy_n(block.begin(), position, rest.begin());
  std::copy(block.begin() + position + kDigestSize, block.end(), rest.begin() + position);
  return hmac(key, rest);
}

struct Proof {
  int scheme;
  Digest digest;
};

std::optional<Proof> find_proof(Bytes block, Bytes key) {
  for (const int scheme : {0, 1}) {
    const size_t position = digest_position(block, scheme);
    const Digest digest = digest_of(block, position, key);
    if (std::equal(digest.begin(), digest.end(), block.begin() + position)) {
      return Proof{scheme, digest};
    }
  }
  return std::nullopt;
}

// Bytes that look random and follow from `seed` (SplitMix64 over an FNV-1a hash).
void scramble(Bytes seed, std::span<uint8_t> out) {
  uint64_t state = 0xCBF29CE484222325;
  for (const uint8_t byte : seed) state = (state ^ byte) * 0x100000001B3;
  for (uint8_t& byte : out) {
    state += 0x9E3779B97F4A7C15;
    uint64_t z = (state ^ state >> 30) * 0xBF58476D1CE4E5B9;
    z = (z ^ z >> 27) * 0x94D049BB133111EB;
    byte = static_cast<uint8_t>(z >> 56);
  }
}

// What else might knock on this port, for the person who reads the log.
std::string refusal(uint8_t first) {
  if (first == 6 || first == 8 || first == 9) return "encrypted RTMP (RTMPE) is not supported";
  if (first == 0x16) return "the peer speaks TLS (rtmps://) to a plain RTMP port";
  if (first >= 'A' && first <= 'Z')
    return "the peer speaks HTTP or another text protocol, not RTMP";
  return "not RTMP: the first byte is " + std::to_string(first) + " instead of 3";
}

// Version byte and first block, from `in`.
template <size_t N>
HandshakeStatus read_hello(Bytes& in, std::array<uint8_t, N>& hello, size_t& size,
                           std::string& error) {
  if (size == 0 && !in.empty() && in[0] != kVersion) {
    error = refusal(in[0]);
    return HandshakeStatus::kError;
  }
  const size_t n = std::min(in.size(), N - size);
  std::copy_n(in.begin(), n, hello.begin() + size);
  in = in.subspan(n);
  size += n;
  return size == N ? HandshakeStatus::kDone : HandshakeStatus::kNeedMore;
}

HandshakeStatus skip_echo(Bytes& in, size_t& left) {
  const size_t n = std::min(in.size(), left);
  in = in.subspan(n);
  left -= n;
  return left == 0 ? HandshakeStatus::kDone : HandshakeStatus::kNeedMore;
}

}  // namespace

HandshakeStatus ServerHandshake::feed(Bytes& in, ByteWriter& out) {
  if (!error_.empty()) return HandshakeStatus::kError;
  if (hello_size_ < hello_.size()) {
    const HandshakeStatus status = read_hello(in, hello_, hello_size_, error_);
    if (status != HandshakeStatus::kDone) return status;
    answer(out);
  }
  return skip_echo(in, echo_left_);
}

void ServerHandshake::answer(ByteWriter& out) {
  const Bytes c1 = Bytes(hello_).subspan(1);
  const std::optional<Proof> proof = find_proof(c1, bytes_of(kClientWords));
  digest_ = proof.has_value();
  std::array<uint8_t, kHandshakeSize> s1{};
  scramble(c1, std::span(s1).subspan(8));
  out.u8(kVersion);
  if (!proof) {
    // Bytes 4 to 7 must be zero: a version there makes clients look for a digest.
    out.bytes(s1);
    out.bytes(c1);
    return;
  }
  const std::array<uint8_t, 4> version = {4, 5, 0, 1};
  std::copy(version.begin(), version.end(), s1.begin() + 4);
  const size_t position = digest_position(s1, proof->scheme);
  const Digest own = digest_of(s1, position, bytes_of(kServerWords));
  std::copy(own.begin(), own.end(), s1.begin() + position);
  out.bytes(s1);

  ByteWriter key;
  key.text(kServerWords);
  key.bytes(kKeyEnd);
  std::array<uint8_t, kHandshakeSize> s2{};
  scramble(s1, s2);
  const Digest answer_key = hmac(key.view(), proof->digest);
  const Digest last = hmac(answer_key, Bytes(s2).first(kHandshakeSize - kDigestSize));
  std::copy(last.begin(), last.end(), s2.end() - kDigestSize);
  out.bytes(s2);
}

void ClientHandshake::begin(ByteWriter& out) {
  std::array<uint8_t, kHandshakeSize> c1{};
  scramble(bytes_of(kClientWords), std::span(c1).subspan(8));
  out.u8(kVersion);
  out.bytes(c1);
}

HandshakeStatus ClientHandshake::feed(Bytes& in, ByteWriter& out) {
  if (!error_.empty()) return HandshakeStatus::kError;
  if (hello_size_ < hello_.size()) {
    const HandshakeStatus status = read_hello(in, hello_, hello_size_, error_);
    if (status != HandshakeStatus::kDone) return status;
    out.bytes(Bytes(hello_).subspan(1));
  }
  return skip_echo(in, echo_left_);
}

}  // namespace stream::rtmp
