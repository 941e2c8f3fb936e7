// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), and keys from passphrases by Argon2id (RFC 9106).
#pragma once
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "crypto/locked_bytes.h"

namespace stream::crypto {

inline constexpr size_t kSealKey = 32;
inline constexpr size_t kSealNonce = 24;
inline constexpr size_t kSealTag = 16;
using Nonce = std::array<uint8_t, kSealNonce>;

// Nonces of 24 random bytes do not repeat. `header` is authenticated, not hidden.
std::vector<uint8_t> seal(Bytes key, const Nonce& nonce, Bytes header, Bytes plain);
// nullopt when key, nonce, header or text is not what was sealed.
std::optional<LockedBytes> unseal(Bytes key, const Nonce& nonce, Bytes header, Bytes sealed);

inline constexpr size_t kPasswordSalt = 16;
struct PasswordCost {
  uint32_t passes = 3;
  uint32_t memory_kib = 256 * 1024;
};
// What a file may ask for: from 1 pass and 8 MiB to 16 passes and 1 GiB, and no more than 4 GiB
// passed over in all. Checked before any work or allocation.
bool is_bearable(const PasswordCost& cost);
// Below RFC 9106's second recommended option (3 passes over 64 MiB).
bool is_weak(const PasswordCost& cost);
// `cost` must be bearable (asserted). Throws Error "vault.memory" when the memory is not there.
LockedBytes key_from_password(std::string_view password, Bytes salt, const PasswordCost& cost);

}  // namespace stream::crypto
