#include "crypto/seal.h"

#include <cassert>

#include "base/error.h"
#include "crypto/ready.h"

namespace stream::crypto {

static_assert(kSealKey == crypto_aead_xchacha20poly1305_ietf_KEYBYTES);
static_assert(kSealNonce == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
static_assert(kSealTag == crypto_aead_xchacha20poly1305_ietf_ABYTES);
static_assert(kPasswordSalt == crypto_pwhash_argon2id_SALTBYTES);

std::vector<uint8_t> seal(Bytes key, const Nonce& nonce, Bytes header, Bytes plain) {
  assert(key.size() == kSealKey);
  ready();
  std::vector<uint8_t> out(plain.size() + kSealTag);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data(), nullptr, plain.data(), plain.size(),
                                             header.data(), header.size(), nullptr, nonce.data(),
                                             key.data());
  return out;
}

std::optional<LockedBytes> unseal(Bytes key, const Nonce& nonce, Bytes header, Bytes sealed) {
  assert(key.size() == kSealKey);
  ready();
  if (sealed.size() < kSealTag) return std::nullopt;
  LockedBytes plain(sealed.size() - kSealTag);
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain.data(), nullptr, nullptr, sealed.data(),
                                                 sealed.size(), header.data(), header.size(),
                                                 nonce.data(), key.data()) != 0)
    return std::nullopt;
  return plain;
}

bool is_bearable(const PasswordCost& cost) {
  return cost.passes >= 1 && cost.passes <= 16 && cost.memory_kib >= 8 * 1024 &&
         cost.memory_kib <= 1024 * 1024 &&
         uint64_t{cost.passes} * cost.memory_kib <= uint64_t{4} * 1024 * 1024;
}

bool is_weak(const PasswordCost& cost) {
  return cost.memory_kib < 64 * 1024 || uint64_t{cost.passes} * cost.memory_kib < 3 * 64 * 1024;
}

LockedBytes key_from_password(std::string_view password, Bytes salt, const PasswordCost& cost) {
  assert(is_bearable(cost) && salt.size() == kPasswordSalt);
  LockedBytes key(kSealKey);
  if (crypto_pwhash(key.data(), key.size(), password.data(), password.size(), salt.data(),
                    cost.passes, size_t{cost.memory_kib} * 1024, crypto_pwhash_ALG_ARGON2ID13) != 0)
    throw Error(Exit::kNo, "vault.memory",
                "cannot derive the key: " + std::to_string(cost.memory_kib / 1024) +
                    " MiB of memory are needed and not there",
                "free memory, or raise the limit of this process (ulimit -v, MemoryMax=)");
  return key;
}

}  // namespace stream::crypto
