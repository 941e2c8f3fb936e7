// Random bytes and hashes.
#pragma once
#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "base/buffer.h"

namespace stream::crypto {

using Digest = std::array<uint8_t, 32>;

void fill_random(std::span<uint8_t> out);
std::vector<uint8_t> random_bytes(size_t size);

Digest sha256(Bytes message);
// The same of what comes in pieces, by OpenSSL, which is several times faster on long input.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void add(Bytes piece);
  Digest finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};
Digest hmac_sha256(Bytes key, Bytes message);  // RFC 2104; a key of any length
// BLAKE2b-256 under a key of 16 to 64 bytes (asserted): for tables and sub-keys, one use per label.
Digest keyed_hash(Bytes key, std::string_view label, Bytes message);

}  // namespace stream::crypto
