// Tokens from strangers: whatever the bytes, an answer, and never "valid" for what nobody signed.
#include "crypto/jwt.h"

#include <cstdlib>

#include "crypto/encoding.h"

using namespace stream::crypto;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const VerifyKey shared{
      JwtAlgorithm::kHs256, LockedBytes::copy(bytes_of("0123456789abcdef0123456789abcdef")), {}};
  static const VerifyKey pair{
      JwtAlgorithm::kEdDsa, ed25519_public_key(LockedBytes::copy(shared.key.view())), {}};
  const std::string_view token(reinterpret_cast<const char*>(data), size);
  JwtRules rules;
  rules.now = std::chrono::sys_seconds(std::chrono::seconds(1000));
  verify_jwt(token, shared, rules);
  verify_jwt(token, pair, rules);

  // The same bytes as "HEADER\nCLAIMS", rightly signed, to get beyond the signature.
  const size_t line = token.find('\n');
  if (line == std::string_view::npos || size > 4096) return 0;
  const auto claims = nlohmann::json::parse(token.substr(line + 1), nullptr, false);
  if (claims.is_discarded()) return 0;
  const SigningKey key{JwtAlgorithm::kHs256, LockedBytes::copy(shared.key.view()),
                       nlohmann::json(std::string(token.substr(0, line)))
                           .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace)};
  verify_jwt(sign_jwt(claims, key), shared, rules);
  return 0;
}
