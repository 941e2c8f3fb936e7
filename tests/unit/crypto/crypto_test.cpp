#include <doctest/doctest.h>

#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "crypto/seal.h"
#include "crypto/strict_json.h"

using namespace stream::crypto;

TEST_CASE("encoding") {
  SUBCASE("base64url of RFC 4648 section 10, without padding") {
    CHECK(base64url(bytes_of("")) == "");
    CHECK(base64url(bytes_of("f")) == "Zg");
    CHECK(base64url(bytes_of("foob")) == "Zm9vYg");
    CHECK(base64(bytes_of("foob")) == "Zm9vYg==");
    CHECK(from_base64url("Zm9vYg") == std::vector<uint8_t>{'f', 'o', 'o', 'b'});
  }
  SUBCASE("one text per value") {
    for (const char* text : {"Zg==", "Zh", "Z", "Zg\n", " Zg", "Z+", "Z/", "\xC3\xA4"})
      CHECK_FALSE(from_base64url(text));
    CHECK(from_hex("00fF") == std::vector<uint8_t>{0, 255});
    for (const char* text : {"0", "0g", "00 00", "0x00"}) CHECK_FALSE(from_hex(text));
  }
}

TEST_CASE("hash: published examples") {
  CHECK(hex(sha256(bytes_of("abc"))) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // RFC 4231 test cases 2 and 6.
  CHECK(hex(hmac_sha256(bytes_of("Jefe"), bytes_of("what do ya want for nothing?"))) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const std::string long_key(131, '\xaa');
  CHECK(hex(hmac_sha256(bytes_of(long_key),
                        bytes_of("Test Using Larger Than Block-Size Key - Hash Key First"))) ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST_CASE("seal") {
  const auto key = random_bytes(kSealKey);
  const Nonce nonce{};
  const auto sealed = seal(key, nonce, bytes_of("header"), bytes_of("text"));
  SUBCASE("gives the text back") {
    const auto plain = unseal(key, nonce, bytes_of("header"), sealed);
    REQUIRE(plain);
    CHECK(plain->text() == "text");
  }
  SUBCASE("gives nothing when a bit differs anywhere") {
    CHECK_FALSE(unseal(key, nonce, bytes_of("Header"), sealed));
    CHECK_FALSE(unseal(random_bytes(kSealKey), nonce, bytes_of("header"), sealed));
    for (size_t i = 0; i < sealed.size(); ++i) {
      auto changed = sealed;
      changed[i] ^= 1;
      CHECK_FALSE(unseal(key, nonce, bytes_of("header"), changed));
      CHECK_FALSE(unseal(key, nonce, bytes_of("header"), stream::Bytes(sealed).first(i)));
    }
  }
}

TEST_CASE("password cost: what a file asks for is capped before work begins") {
  CHECK(is_bearable({3, 64 * 1024}));
  CHECK(is_bearable({4, 1024 * 1024}));
  for (const PasswordCost& cost :
       {PasswordCost{0, 65536}, PasswordCost{17, 65536}, PasswordCost{3, 0}, PasswordCost{3, 8191},
        PasswordCost{1, 1024 * 1024 + 1}, PasswordCost{5, 1024 * 1024},
        PasswordCost{UINT32_MAX, UINT32_MAX}})
    CHECK_FALSE(is_bearable(cost));
  CHECK(is_weak({1, 64 * 1024}));
  CHECK_FALSE(is_weak(PasswordCost{}));
}

TEST_CASE("strict_json") {
  CHECK(strict_json(R"({"a":{"b":1},"c":{"b":2}})"));
  CHECK_FALSE(strict_json(R"({"a":1,"a":2})"));
  CHECK_FALSE(strict_json(R"({"x":[{"a":1,"a":1}]})"));
  CHECK_FALSE(strict_json("{} {}"));
  CHECK_FALSE(strict_json(""));
  CHECK_FALSE(strict_json("\"\xff\""));
  CHECK_FALSE(strict_json(std::string(17, '[') + std::string(17, ']')));
  CHECK(strict_json(std::string(16, '[') + std::string(16, ']')));
  CHECK_FALSE(strict_json("[1,2]", 4));
  CHECK_FALSE(number_member({{"n", 1e17}}, "n"));
  CHECK(number_member({{"n", 12.9}}, "n") == 12);
}
