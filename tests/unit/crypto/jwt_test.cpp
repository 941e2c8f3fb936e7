#include "crypto/jwt.h"

#include <doctest/doctest.h>

#include "crypto/encoding.h"
#include "crypto/hash.h"

using namespace stream::crypto;
using nlohmann::json;
using std::chrono::seconds;

namespace {

constexpr std::string_view kSecret = "a secret of at least thirty-two bytes";

SigningKey signer(std::string_view secret = kSecret) {
  return {JwtAlgorithm::kHs256, LockedBytes::copy(bytes_of(secret)), {}};
}
VerifyKey shared(std::string_view secret = kSecret) {
  return verify_key_of(signer(secret));
}
JwtRules at(int64_t now) {
  JwtRules rules;
  rules.now = std::chrono::sys_seconds(seconds(now));
  return rules;
}
std::string part(std::string_view text) {
  return base64url(bytes_of(text));
}

// Any header over any claims, with the MAC that HS256 would give: what a forger can make who knows
// the bytes of `key`, for example a public key.
std::string forge(std::string_view header, std::string_view claims,
                  std::string_view key = kSecret) {
  const std::string text = part(header) + "." + part(claims);
  return text + "." + base64url(hmac_sha256(bytes_of(key), bytes_of(text)));
}

constexpr std::string_view kClaims = R"({"exp":1100,"iss":"me","nbf":1000})";
JwtFault fault_of(const std::string& token, int64_t now = 1050) {
  return verify_jwt(token, shared(), at(now)).fault;
}

// RFC 7515 A.1.1: the key as JWK "k".
VerifyKey rfc7515_key() {
  const auto key = from_base64url(
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  return {JwtAlgorithm::kHs256, LockedBytes::copy(*key), {}};
}
constexpr const char* kRfc7515A1 =
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    "."
    "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

}  // namespace

TEST_CASE("verify_jwt: the examples of the standards") {
  SUBCASE("RFC 7515 A.1 and RFC 7519 3.1: HS256") {
    const JwtResult result = verify_jwt(kRfc7515A1, rfc7515_key(), at(1300819000));
    REQUIRE(result.ok());
    CHECK(result.claims["iss"] == "joe");
    CHECK(result.claims["http://example.com/is_root"] == true);
    CHECK(verify_jwt(kRfc7515A1, rfc7515_key(), at(1300819380 + 30)).fault == JwtFault::kExpired);
  }
  SUBCASE("RFC 7519 6.1: the unsecured token is refused") {
    const std::string token =
        "eyJhbGciOiJub25lIn0."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
        "cnVlfQ.";
    CHECK(verify_jwt(token, rfc7515_key(), at(1300819000)).fault == JwtFault::kAlgorithm);
  }
  SUBCASE("RFC 8037 A.4: the Ed25519 signature over its own example") {
    // The payload there is text and not claims, so the signature holds and the claims do not.
    const auto seed = from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    const auto key = ed25519_public_key(LockedBytes::copy(*seed));
    CHECK(base64url(key.view()) == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    const std::string token =
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    const VerifyKey verify{JwtAlgorithm::kEdDsa, key.clone(), {}};
    CHECK(verify_jwt(token, verify, at(0)).fault == JwtFault::kForm);
    std::string other = token;
    other.back() = 'w';
    CHECK(verify_jwt(other, verify, at(0)).fault == JwtFault::kSignature);
  }
}

TEST_CASE("sign_jwt") {
  SUBCASE("writes what Go's encoder writes: no spaces, five characters as escapes") {
    const std::string token = sign_jwt({{"exp", 5}, {"sub", "a<b>&\xE2\x80\xA8"}}, signer());
    CHECK(token.substr(0, token.find('.')) == part(R"({"alg":"HS256","typ":"JWT"})"));
    CHECK(token.find("." + part(R"({"exp":5,"sub":"a\u003cb\u003e\u0026\u2028"})") + ".") !=
          std::string::npos);
  }
  SUBCASE("is read back with either algorithm") {
    CHECK(verify_jwt(sign_jwt({{"exp", 1100}}, signer()), shared(), at(1000)).ok());
    const SigningKey key{JwtAlgorithm::kEdDsa, LockedBytes::copy(random_bytes(32)), "viewer-1"};
    const std::string token = sign_jwt({{"exp", 1100}}, key);
    CHECK(verify_jwt(token, verify_key_of(key), at(1000)).ok());
    VerifyKey other = verify_key_of(key);
    other.id = "viewer-2";
    CHECK(verify_jwt(token, other, at(1000)).fault == JwtFault::kHeader);
  }
}

TEST_CASE("verify_jwt: forged tokens") {
  REQUIRE(fault_of(forge(R"({"alg":"HS256"})", kClaims)) == JwtFault::kNone);
  SUBCASE("no algorithm, in any spelling") {
    for (const char* alg :
         {"none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "HS512", "ES256"}) {
      CAPTURE(alg);
      const std::string header = std::string(R"({"alg":")") + alg + "\"}";
      CHECK(fault_of(forge(header, kClaims)) == JwtFault::kAlgorithm);
      CHECK(fault_of(part(header) + "." + part(kClaims) + ".") == JwtFault::kAlgorithm);
    }
    CHECK(fault_of(forge("{}", kClaims)) == JwtFault::kAlgorithm);
    CHECK(fault_of(forge(R"({"alg":null})", kClaims)) == JwtFault::kAlgorithm);
    CHECK(fault_of(forge(R"({"alg":["HS256"]})", kClaims)) == JwtFault::kAlgorithm);
  }
  SUBCASE("empty or cut signature") {
    const std::string token = forge(R"({"alg":"HS256"})", kClaims);
    CHECK(fault_of(token.substr(0, token.rfind('.') + 1)) == JwtFault::kSignature);
    CHECK(fault_of(token.substr(0, token.rfind('.'))) == JwtFault::kForm);
    for (size_t size = 0; size < token.size(); ++size)
      CHECK(fault_of(token.substr(0, size)) != JwtFault::kNone);
    CHECK(fault_of(token + "A") != JwtFault::kNone);
    CHECK(fault_of(token + ".") == JwtFault::kForm);
  }
  SUBCASE("the public key used as an HMAC secret") {
    const SigningKey key{JwtAlgorithm::kEdDsa, LockedBytes::copy(random_bytes(32)), {}};
    const VerifyKey verify = verify_key_of(key);
    const std::string token = forge(R"({"alg":"HS256"})", kClaims, verify.key.text());
    CHECK(verify_jwt(token, verify, at(1050)).fault == JwtFault::kAlgorithm);
    const std::string dressed = forge(R"({"alg":"EdDSA"})", kClaims, verify.key.text());
    CHECK(verify_jwt(dressed, verify, at(1050)).fault == JwtFault::kSignature);
  }
  SUBCASE("an asymmetric token where a shared secret is due") {
    const SigningKey key{JwtAlgorithm::kEdDsa, LockedBytes::copy(random_bytes(32)), {}};
    CHECK(fault_of(sign_jwt({{"exp", 1100}}, key)) == JwtFault::kAlgorithm);
    CHECK(fault_of(forge(R"({"alg":"RS256"})", kClaims)) == JwtFault::kAlgorithm);
  }
  SUBCASE("embedded keys, addresses of keys, critical extensions, other types") {
    for (const char* extra :
         {R"("jwk":{"kty":"oct","k":"QQ"})", R"("jku":"https://example.com/keys")",
          R"("x5c":["MII"])", R"("x5u":"https://example.com")", R"("crit":["b64"],"b64":false)",
          R"("b64":false)", R"("typ":"JWE")", R"("kid":7)", R"("zip":"DEF")", R"("cty":"JWT")"}) {
      CAPTURE(extra);
      CHECK(fault_of(forge(R"({"alg":"HS256",)" + std::string(extra) + "}", kClaims)) ==
            JwtFault::kHeader);
    }
  }
  SUBCASE("a key id that points at a file or an address chooses nothing") {
    for (const char* kid : {"../../dev/null", "/etc/passwd", "https://example.com/k", "' or 1=1"}) {
      const std::string header = R"({"alg":"HS256","kid":")" + std::string(kid) + "\"}";
      CHECK(fault_of(forge(header, kClaims)) == JwtFault::kNone);  // our key, our signature
      CHECK(fault_of(forge(header, kClaims, "")) == JwtFault::kSignature);
      VerifyKey named = shared();
      named.id = "k1";
      CHECK(verify_jwt(forge(header, kClaims), named, at(1050)).fault == JwtFault::kHeader);
    }
  }
  SUBCASE("two alg fields, two exp fields, deep and broken JSON") {
    CHECK(fault_of(forge(R"({"alg":"none","alg":"HS256"})", kClaims)) == JwtFault::kForm);
    CHECK(fault_of(forge(R"({"alg":"HS256","\u0061lg":"none"})", kClaims)) == JwtFault::kForm);
    CHECK(fault_of(forge(R"({"alg":"HS256"})", R"({"exp":1,"exp":1100})")) == JwtFault::kForm);
    CHECK(fault_of(forge(R"({"alg":"HS256"})", std::string(4000, '['))) == JwtFault::kForm);
    CHECK(fault_of(forge(R"({"alg":"HS256"} )"
                         "x",
                         kClaims)) == JwtFault::kForm);
    CHECK(fault_of(forge(R"(["alg"])", kClaims)) == JwtFault::kForm);
    CHECK(fault_of(forge(R"({"alg":"HS256"})", "[]")) == JwtFault::kForm);
  }
  SUBCASE("padding, spaces, the other alphabet, unused bits") {
    const std::string token = forge(R"({"alg":"HS256"})", kClaims);
    CHECK(fault_of(token + "=") == JwtFault::kForm);
    CHECK(fault_of(token + "\n") == JwtFault::kForm);
    CHECK(fault_of(" " + token) == JwtFault::kForm);
    std::string loose = token;  // 43 characters carry 256 bits and 2 that must be 0
    loose.back() = loose.back() == 'B' ? 'C' : 'B';
    CHECK(fault_of(loose) != JwtFault::kNone);
  }
  SUBCASE("a megabyte") {
    CHECK(fault_of(std::string(1 << 20, 'A')) == JwtFault::kSize);
    CHECK(fault_of(forge(R"({"alg":"HS256"})", std::string(1 << 20, ' '))) == JwtFault::kSize);
  }
}

TEST_CASE("verify_jwt: times and names") {
  const auto token = [](const json& claims) { return sign_jwt(claims, signer()); };
  SUBCASE("expiry, to the second, with 30 s of leeway at most") {
    CHECK(fault_of(token({{"exp", 1000}}), 1029) == JwtFault::kNone);
    CHECK(fault_of(token({{"exp", 1000}}), 1030) == JwtFault::kExpired);
    CHECK(fault_of(token({{"exp", 1000}}), 1031) == JwtFault::kExpired);
    JwtRules rules = at(1000);
    rules.leeway = seconds(0);
    CHECK(verify_jwt(token({{"exp", 1001}}), shared(), rules).ok());
    CHECK(verify_jwt(token({{"exp", 1000}}), shared(), rules).fault == JwtFault::kExpired);
    rules.leeway = seconds(3600);
    rules.now = std::chrono::sys_seconds(seconds(1030));
    CHECK(verify_jwt(token({{"exp", 1000}}), shared(), rules).fault == JwtFault::kExpired);
  }
  SUBCASE("not yet") {
    for (const char* name : {"nbf", "iat"}) {
      CHECK(fault_of(token({{"exp", 2000}, {name, 1080}}), 1050) == JwtFault::kNone);
      CHECK(fault_of(token({{"exp", 2000}, {name, 1081}}), 1050) == JwtFault::kNotYet);
    }
  }
  SUBCASE("no expiry, an endless one, one that is no number") {
    CHECK(fault_of(token({{"nbf", 1000}})) == JwtFault::kNoExpiry);
    CHECK(fault_of(token({{"exp", 9007199254740991}})) == JwtFault::kLifetime);
    CHECK(fault_of(token({{"exp", 1e300}})) == JwtFault::kClaims);
    CHECK(fault_of(token({{"exp", "1100"}})) == JwtFault::kClaims);
    CHECK(fault_of(token({{"exp", nullptr}})) == JwtFault::kClaims);
    CHECK(fault_of(token({{"exp", -1}})) == JwtFault::kExpired);
    CHECK(fault_of(token({{"exp", 1100.5}})) == JwtFault::kNone);
  }
  SUBCASE("audience and issuer") {
    JwtRules rules = at(1000);
    rules.audience = "demo";
    const auto fault = [&](const json& claims) {
      return verify_jwt(token(claims), shared(), rules).fault;
    };
    CHECK(fault({{"exp", 1100}, {"aud", "demo"}}) == JwtFault::kNone);
    CHECK(fault({{"exp", 1100}, {"aud", {"x", "demo"}}}) == JwtFault::kNone);
    CHECK(fault({{"exp", 1100}, {"aud", "demo2"}}) == JwtFault::kAudience);
    CHECK(fault({{"exp", 1100}, {"aud", json::array()}}) == JwtFault::kAudience);
    CHECK(fault({{"exp", 1100}}) == JwtFault::kAudience);
    rules.audience.reset();
    CHECK(fault({{"exp", 1100}, {"aud", "demo"}}) == JwtFault::kAudience);
    rules.issuer = "me";
    CHECK(fault({{"exp", 1100}, {"iss", "me"}}) == JwtFault::kNone);
    CHECK(fault({{"exp", 1100}, {"iss", "you"}}) == JwtFault::kIssuer);
    CHECK(fault({{"exp", 1100}}) == JwtFault::kIssuer);
    CHECK(fault({{"exp", 1100}, {"iss", 7}}) == JwtFault::kClaims);
  }
}
