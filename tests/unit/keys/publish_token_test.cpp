#include "keys/publish_token.h"

#include <doctest/doctest.h>

#include "keys/livekit.h"

using namespace stream;
using namespace stream::keys;
using namespace std::chrono_literals;
using std::chrono::sys_seconds;

namespace {

crypto::SigningKey key_of(uint8_t seed) {
  const std::vector<uint8_t> bytes(crypto::kEd25519Seed, seed);
  return {crypto::JwtAlgorithm::kEdDsa, crypto::LockedBytes::copy(bytes), {}};
}

}  // namespace

TEST_CASE("check_publish_token") {
  const sys_seconds now{1'795'000'000s};
  const auto signing = key_of(1);
  const auto verify = crypto::verify_key_of(signing);
  const std::string token = sign_jwt(publish_claims("demo", "anna", now, 1h), signing);
  CHECK(looks_like_token(token));
  CHECK(check_publish_token(token, verify, now).stream == "demo");
  CHECK(check_publish_token(token, verify, now + 30min).stream == "demo");

  const auto refused = [&](const std::string& text, sys_seconds at) {
    const auto result = check_publish_token(text, verify, at);
    return !result.stream && !result.reason.empty();
  };
  CHECK(refused(token, now + 2h));
  CHECK(refused(token, now - 1h));
  CHECK(refused(crypto::sign_jwt(viewer_claims({"demo"}, "", now, 1h), signing), now));
  CHECK(refused(crypto::sign_jwt(publish_claims("../demo", "", now, 1h), signing), now));
  CHECK(refused(crypto::sign_jwt(publish_claims("demo", "", now, 1h), key_of(2)), now));
  auto several = publish_claims("demo", "", now, 1h);
  several["aud"] = {"publish:demo", "publish:other"};
  CHECK(refused(crypto::sign_jwt(several, signing), now));
  // Another algorithm with the public key as its secret (RFC 8725, 3.1).
  CHECK(
      refused(crypto::sign_jwt(
                  publish_claims("demo", "", now, 1h),
                  {crypto::JwtAlgorithm::kHs256, crypto::LockedBytes::copy(verify.key.view()), {}}),
              now));
  for (size_t size = 0; size < token.size(); ++size) CHECK(refused(token.substr(0, size), now));
}

TEST_CASE("looks_like_token") {
  for (const char* text : {"", "key", "a.b", "a.b.c.d", "a.b.c/d", "a b.c.d"})
    CHECK_FALSE(looks_like_token(text));
}
