#include "crypto/jwt.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "base/text.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "crypto/ready.h"
#include "crypto/strict_json.h"

namespace stream::crypto {
namespace {

using nlohmann::json;

const char* name_of(JwtAlgorithm algorithm) {
  return algorithm == JwtAlgorithm::kHs256 ? "HS256" : "EdDSA";
}

// Go's encoder writes these five as escapes; inside JSON they stand in strings only.
std::string go_json(const nlohmann::ordered_json& document) {
  static constexpr std::pair<std::string_view, std::string_view> kEscapes[] = {
      {"<", "\\u003c"},
      {">", "\\u003e"},
      {"&", "\\u0026"},
      {"\xE2\x80\xA8", "\\u2028"},
      {"\xE2\x80\xA9", "\\u2029"}};
  const std::string plain = document.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string out;
  for (size_t at = 0; at < plain.size();) {
    const auto escape = std::find_if(std::begin(kEscapes), std::end(kEscapes), [&](const auto& e) {
      return plain.compare(at, e.first.size(), e.first) == 0;
    });
    if (escape == std::end(kEscapes)) {
      out += plain[at++];
    } else {
      out += escape->second;
      at += escape->first.size();
    }
  }
  return out;
}

std::vector<uint8_t> sign(std::string_view text, const SigningKey& key) {
  if (key.algorithm == JwtAlgorithm::kHs256) {
    const Digest mac = hmac_sha256(key.secret.view(), bytes_of(text));
    return {mac.begin(), mac.end()};
  }
  assert(key.secret.size() == kEd25519Seed);
  ready();
  LockedBytes secret(crypto_sign_SECRETKEYBYTES);
  std::array<uint8_t, crypto_sign_PUBLICKEYBYTES> unused;
  crypto_sign_seed_keypair(unused.data(), secret.data(), key.secret.view().data());
  std::vector<uint8_t> signature(crypto_sign_BYTES);
  crypto_sign_detached(signature.data(), nullptr, bytes_of(text).data(), text.size(),
                       secret.data());
  return signature;
}

bool signature_holds(std::string_view text, Bytes signature, const VerifyKey& key) {
  if (key.algorithm == JwtAlgorithm::kHs256) {
    const Digest mac = hmac_sha256(key.key.view(), bytes_of(text));
    return signature.size() == mac.size() &&
           sodium_memcmp(mac.data(), signature.data(), mac.size()) == 0;
  }
  return key.key.size() == crypto_sign_PUBLICKEYBYTES && signature.size() == crypto_sign_BYTES &&
         crypto_sign_verify_detached(signature.data(), bytes_of(text).data(), text.size(),
                                     key.key.view().data()) == 0;
}

std::optional<json> decode_object(std::string_view part) {
  const auto bytes = from_base64url(part);
  if (!bytes) return std::nullopt;
  auto document = strict_json({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
  if (!document || !document->is_object()) return std::nullopt;
  return document;
}

JwtFault judge_header(const json& header, const VerifyKey& key) {
  const auto algorithm = text_member(header, "alg");
  if (!algorithm || *algorithm != name_of(key.algorithm)) return JwtFault::kAlgorithm;
  for (const auto& [name, value] : header.items()) {
    if (name == "alg") continue;
    if (!value.is_string()) return JwtFault::kHeader;
    const auto& text = value.get_ref<const std::string&>();
    if (name == "typ" ? text != "JWT" && text != "jwt" : name != "kid") return JwtFault::kHeader;
    if (name == "kid" && !key.id.empty() && text != key.id) return JwtFault::kHeader;
  }
  return JwtFault::kNone;
}

JwtFault judge_times(const json& claims, const JwtRules& rules) {
  for (const char* name : {"exp", "nbf", "iat"})
    if (claims.contains(name) && !number_member(claims, name)) return JwtFault::kClaims;
  const int64_t now = rules.now.time_since_epoch().count();
  const int64_t leeway = std::min(rules.leeway, kJwtLeeway).count();
  const auto expiry = number_member(claims, "exp");
  if (!expiry) return JwtFault::kNoExpiry;
  if (now >= *expiry + leeway) return JwtFault::kExpired;
  if (*expiry - now > rules.longest.count() + leeway) return JwtFault::kLifetime;
  for (const char* name : {"nbf", "iat"}) {
    const auto from = number_member(claims, name);
    if (from && *from > now + leeway) return JwtFault::kNotYet;
  }
  return JwtFault::kNone;
}

JwtFault judge_claims(const json& claims, const JwtRules& rules) {
  for (const char* name : {"iss", "sub", "jti"})
    if (claims.contains(name) && !claims[name].is_string()) return JwtFault::kClaims;
  const JwtFault fault = judge_times(claims, rules);
  if (fault != JwtFault::kNone) return fault;
  if (rules.issuer && text_member(claims, "iss") != *rules.issuer) return JwtFault::kIssuer;
  if (rules.any_audience) return JwtFault::kNone;
  if (rules.audience ? !is_for(claims, *rules.audience) : claims.contains("aud"))
    return JwtFault::kAudience;  // RFC 7519 4.1.3: addressed to somebody, and that is not us
  return JwtFault::kNone;
}

}  // namespace

LockedBytes ed25519_public_key(const LockedBytes& seed) {
  assert(seed.size() == crypto_sign_SEEDBYTES);
  ready();
  LockedBytes secret(crypto_sign_SECRETKEYBYTES), key(crypto_sign_PUBLICKEYBYTES);
  crypto_sign_seed_keypair(key.data(), secret.data(), seed.view().data());
  return key;
}

VerifyKey verify_key_of(const SigningKey& key) {
  const bool shared = key.algorithm == JwtAlgorithm::kHs256;
  return {key.algorithm, shared ? key.secret.clone() : ed25519_public_key(key.secret), key.id};
}

std::string sign_jwt(const nlohmann::ordered_json& claims, const SigningKey& key) {
  nlohmann::ordered_json header = {{"alg", name_of(key.algorithm)}};
  if (!key.id.empty()) header["kid"] = key.id;
  header["typ"] = "JWT";
  const std::string text =
      base64url(bytes_of(go_json(header))) + '.' + base64url(bytes_of(go_json(claims)));
  return text + '.' + base64url(sign(text, key));
}

const char* text_of(JwtFault fault) {
  switch (fault) {
    case JwtFault::kNone:
      return "valid";
    case JwtFault::kSize:
      return "larger than 16 KiB";
    case JwtFault::kForm:
      return "not a signed token";
    case JwtFault::kHeader:
      return "its header carries what is not accepted";
    case JwtFault::kAlgorithm:
      return "its algorithm is not the key's";
    case JwtFault::kSignature:
      return "the signature does not match";
    case JwtFault::kClaims:
      return "a claim has the wrong type";
    case JwtFault::kExpired:
      return "expired";
    case JwtFault::kNotYet:
      return "not valid yet";
    case JwtFault::kNoExpiry:
      return "it never expires";
    case JwtFault::kLifetime:
      return "it lives too long";
    case JwtFault::kIssuer:
      return "another issuer";
    case JwtFault::kAudience:
      return "another audience";
  }
  return "";
}

bool is_for(const json& claims, const std::string& audience) {
  const auto member = claims.find("aud");
  if (member == claims.end()) return false;
  if (member->is_string()) return *member == audience;
  return member->is_array() && std::find(member->begin(), member->end(), audience) != member->end();
}

JwtResult verify_jwt(std::string_view token, const VerifyKey& key, const JwtRules& rules) {
  if (token.size() > kJwtSize) return {JwtFault::kSize, {}};
  const size_t first = token.find('.'), last = token.rfind('.');
  if (first == std::string_view::npos || first == last || token.find('.', first + 1) != last)
    return {JwtFault::kForm, {}};
  const auto header = decode_object(token.substr(0, first));
  if (!header) return {JwtFault::kForm, {}};
  if (const JwtFault fault = judge_header(*header, key); fault != JwtFault::kNone)
    return {fault, {}};
  const auto signature = from_base64url(token.substr(last + 1));
  if (!signature) return {JwtFault::kForm, {}};
  // Nothing in the claims is looked at before the signature holds.
  if (!signature_holds(token.substr(0, last), *signature, key)) return {JwtFault::kSignature, {}};
  auto claims = decode_object(token.substr(first + 1, last - first - 1));
  if (!claims) return {JwtFault::kForm, {}};
  const JwtFault fault = judge_claims(*claims, rules);
  if (fault != JwtFault::kNone) return {fault, {}};
  return {JwtFault::kNone, std::move(*claims)};
}

}  // namespace stream::crypto
