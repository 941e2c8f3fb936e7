#include "crypto/hash.h"

#include <openssl/evp.h>

#include <cassert>
#include <new>

#include "crypto/encoding.h"
#include "crypto/ready.h"

namespace stream::crypto {

void fill_random(std::span<uint8_t> out) {
  ready();
  randombytes_buf(out.data(), out.size());
}

std::vector<uint8_t> random_bytes(size_t size) {
  std::vector<uint8_t> bytes(size);
  fill_random(bytes);
  return bytes;
}

Digest sha256(Bytes message) {
  Digest digest;
  crypto_hash_sha256(digest.data(), message.data(), message.size());
  return digest;
}

struct Sha256::State {
  ~State() { EVP_MD_CTX_free(context); }
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (!state_->context || EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1)
    throw std::bad_alloc();
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::add(Bytes piece) {
  EVP_DigestUpdate(state_->context, piece.data(), piece.size());
}

Digest Sha256::finish() {
  Digest digest{};
  EVP_DigestFinal_ex(state_->context, digest.data(), nullptr);
  return digest;
}

Digest hmac_sha256(Bytes key, Bytes message) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key.data(), key.size());
  crypto_auth_hmacsha256_update(&state, message.data(), message.size());
  Digest digest;
  crypto_auth_hmacsha256_final(&state, digest.data());
  sodium_memzero(&state, sizeof state);
  return digest;
}

Digest keyed_hash(Bytes key, std::string_view label, Bytes message) {
  assert(key.size() >= crypto_generichash_KEYBYTES_MIN);
  assert(key.size() <= crypto_generichash_KEYBYTES_MAX);
  ready();
  Digest digest;
  crypto_generichash_state state;
  crypto_generichash_init(&state, key.data(), key.size(), digest.size());
  // The label's final NUL keeps label and message apart.
  const std::string terminated(label);
  crypto_generichash_update(&state, reinterpret_cast<const uint8_t*>(terminated.c_str()),
                            terminated.size() + 1);
  crypto_generichash_update(&state, message.data(), message.size());
  crypto_generichash_final(&state, digest.data(), digest.size());
  sodium_memzero(&state, sizeof state);
  return digest;
}

}  // namespace stream::crypto
