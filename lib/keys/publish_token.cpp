#include "keys/publish_token.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "crypto/encoding.h"
#include "crypto/strict_json.h"
#include "os/fd.h"

namespace stream::keys {
namespace {

constexpr std::string_view kAudience = "publish:";

}  // namespace

nlohmann::ordered_json publish_claims(const std::string& stream, const std::string& user,
                                      std::chrono::sys_seconds now, std::chrono::seconds life) {
  nlohmann::ordered_json claims = {{"iss", "stream-keys"}};
  if (!user.empty()) claims["sub"] = user;
  claims["aud"] = std::string(kAudience) + stream;
  claims["exp"] = (now + life).time_since_epoch().count();
  claims["nbf"] = now.time_since_epoch().count();
  claims["iat"] = now.time_since_epoch().count();
  return claims;
}

PublishToken check_publish_token(std::string_view token, const crypto::VerifyKey& key,
                                 std::chrono::sys_seconds now) {
  crypto::JwtRules rules;
  rules.now = now;
  rules.any_audience = true;  // it is what says the stream
  const crypto::JwtResult result = crypto::verify_jwt(token, key, rules);
  if (!result.ok()) return {std::nullopt, std::string("the token: ") + text_of(result.fault)};
  const auto audience = crypto::text_member(result.claims, "aud");
  if (!audience || !audience->starts_with(kAudience))
    return {std::nullopt, "the token is not for publishing"};
  std::string stream = audience->substr(kAudience.size());
  if (!is_stream_name(stream)) return {std::nullopt, "the token names a stream that can't be one"};
  return {std::move(stream), {}};
}

bool looks_like_token(std::string_view text) {
  return std::count(text.begin(), text.end(), '.') == 2 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == '.';
         });
}

crypto::VerifyKey read_public_key(const std::string& path) {
  const auto jwk = crypto::strict_json(os::read_file(path, 64 * 1024));
  const auto x = jwk ? crypto::text_member(*jwk, "x") : std::nullopt;
  const auto bytes = x ? crypto::from_base64url(*x) : std::nullopt;
  if (!bytes || bytes->size() != 32 || crypto::text_member(*jwk, "kty") != "OKP" ||
      crypto::text_member(*jwk, "crv") != "Ed25519")
    throw Error(Exit::kConfig, "token.key", path + " is not a public key (JWK, OKP, Ed25519)",
                "write one: stream-keys token public-key > FILE");
  return {crypto::JwtAlgorithm::kEdDsa, crypto::LockedBytes::copy(*bytes), {}};
}

}  // namespace stream::keys
