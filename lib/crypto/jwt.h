// Signed tokens (RFC 7515 compact form, RFC 7519 claims, RFC 8725 rules): HS256 and EdDSA (Ed25519,
// RFC 8037). The algorithm belongs to the key and is never read from the token; keys or addresses
// of keys inside a token are a reason to refuse it. No clock inside: the caller says what time it
// is.
#pragma once
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/locked_bytes.h"

namespace stream::crypto {

enum class JwtAlgorithm { kHs256, kEdDsa };

// For kHs256 both sides hold the same secret; for kEdDsa 32 bytes of seed sign and 32 bytes of
// public key verify. `id` goes into the header as "kid" when it is not empty.
struct SigningKey {
  JwtAlgorithm algorithm = JwtAlgorithm::kHs256;
  LockedBytes secret;
  std::string id;
};
struct VerifyKey {
  JwtAlgorithm algorithm = JwtAlgorithm::kHs256;
  LockedBytes key;
  std::string id;  // when not empty, a token with another "kid" is refused
};

inline constexpr size_t kEd25519Seed = 32;
LockedBytes ed25519_public_key(const LockedBytes& seed);
VerifyKey verify_key_of(const SigningKey& key);

// Header and claims are written without spaces and with Go's escapes, the claims in their own
// order, so that equal claims give the very bytes that LiveKit's own (Go) library gives.
std::string sign_jwt(const nlohmann::ordered_json& claims, const SigningKey& key);

enum class JwtFault {
  kNone,
  kSize,       // over kJwtSize
  kForm,       // not three parts of strict base64url and JSON, or a name twice
  kHeader,     // embedded key, address of a key, critical extension, other type, other kid
  kAlgorithm,  // not the key's
  kSignature,
  kClaims,  // a registered claim has the wrong type
  kExpired,
  kNotYet,    // nbf or iat in the future
  kNoExpiry,  // exp is missing
  kLifetime,  // exp is further away than the rules allow
  kIssuer,
  kAudience,
};
const char* text_of(JwtFault fault);

inline constexpr size_t kJwtSize = 16 * 1024;
inline constexpr std::chrono::seconds kJwtLeeway{30};

struct JwtRules {
  std::chrono::sys_seconds now;
  std::chrono::seconds leeway = kJwtLeeway;  // more than kJwtLeeway counts as kJwtLeeway
  std::chrono::seconds longest = std::chrono::hours(24 * 366);
  std::optional<std::string> issuer, audience;
  bool any_audience = false;  // is_for() is to be asked before somebody is let in by it
};

struct JwtResult {
  JwtFault fault = JwtFault::kForm;
  nlohmann::json claims;  // only when fault is kNone
  bool ok() const { return fault == JwtFault::kNone; }
};

// Whether the claims are addressed to the audience (RFC 7519 4.1.3), alone or among others.
bool is_for(const nlohmann::json& claims, const std::string& audience);

JwtResult verify_jwt(std::string_view token, const VerifyKey& key, const JwtRules& rules);

}  // namespace stream::crypto
