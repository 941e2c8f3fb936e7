#include "hooks/signature.h"

#include <doctest/doctest.h>

using namespace stream;
using namespace stream::hooks;
using namespace std::chrono_literals;

namespace {

// The example of the Standard Webhooks libraries.
constexpr char kSecret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr char kId[] = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr int64_t kTime = 1614265330;
constexpr char kBody[] = "{\"test\": 2432232314}";
constexpr char kSignature[] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

std::string message(const std::string& signature = kSignature, const std::string& body = kBody) {
  return std::string("POST /hook HTTP/1.1\r\nHost: a:80\r\nWebhook-Id: ") + kId +
         "\r\nwebhook-timestamp: " + std::to_string(kTime) +
         "\r\nWEBHOOK-SIGNATURE:  " + signature + " \r\n\r\n" + body;
}

std::string verdict(const std::string& text, int64_t now = kTime) {
  const auto key = parse_key(Secret(kSecret));
  const auto received = parse_message(text);
  return received ? reject_reason(*key, *received, now, 300s) : "no message";
}

}  // namespace

TEST_CASE("webhook signature") {
  const auto key = parse_key(Secret(kSecret));
  REQUIRE(key);

  SUBCASE("of the standard's example") {
    CHECK(sign(*key, kId, kTime, kBody) == kSignature);
    CHECK(verdict(message()).empty());
    CHECK(verdict(message(std::string("v1a,x v1,AAAA ") + kSignature)).empty());
  }
  SUBCASE("what was forged, is old or comes from the future") {
    CHECK(verdict(message("v1,AAAA")) == "no signature of it is by this secret");
    CHECK(verdict(message("")) == "no signature of it is by this secret");
    CHECK(verdict(message(kSignature, "{\"test\": 2432232315}")) ==
          "no signature of it is by this secret");
    CHECK(verdict(message(), kTime + 300).empty());
    CHECK(verdict(message(), kTime + 301) == "it was sent 301 s ago");
    CHECK(verdict(message(), kTime - 300).empty());
    CHECK(verdict(message(), kTime - 301) == "its time is 301 s ahead");
  }
  SUBCASE("each bit of it counts") {
    const std::string whole = message();
    for (size_t i = whole.find("msg_"); i < whole.size(); ++i) {
      if (whole[i] == '\r' || whole[i] == '\n' || whole[i] == ' ') continue;
      if (i >= whole.find("\r\nwebhook-t") && i < whole.find("1614")) continue;
      if (i >= whole.find("\r\nWEBHOOK-S") && i < whole.find("v1,")) continue;
      std::string other = whole;
      other[i] ^= 1;
      CAPTURE(i);
      CHECK_FALSE(verdict(other).empty());
    }
  }
  SUBCASE("every prefix is a message or none, and never a valid one") {
    const std::string whole = message();
    for (size_t n = 0; n < whole.size(); ++n) CHECK_FALSE(verdict(whole.substr(0, n)).empty());
  }
  SUBCASE("headers that are missing, stand twice or are of another form") {
    const std::string tail = "\n\n{}";
    CHECK_FALSE(parse_message("webhook-id: a\nwebhook-timestamp: 1" + tail));
    CHECK(parse_message("webhook-id: a\nwebhook-timestamp: 1\nwebhook-signature: x" + tail));
    CHECK_FALSE(parse_message(
        "webhook-id: a\nwebhook-id: a\nwebhook-timestamp: 1\nwebhook-signature: x" + tail));
    for (const char* time : {"", "-1", "01", "1 ", "1x", "99999999999999999999", "+1"}) {
      const std::string text =
          "webhook-id: a\nwebhook-timestamp: " + std::string(time) + "x\nwebhook-signature: x";
      CHECK_FALSE(parse_message(text + tail));
    }
    // A dot in the id would let a part of it be taken for the time.
    CHECK_FALSE(
        parse_message("webhook-id: a.1\nwebhook-timestamp: 1\nwebhook-signature: x" + tail));
    CHECK_FALSE(parse_message("nonsense\nwebhook-id: a" + tail));
  }
}

TEST_CASE("webhook secret") {
  CHECK(parse_key(new_secret()));
  CHECK_FALSE(new_secret() == new_secret());
  CHECK_FALSE(parse_key(Secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")));
  CHECK_FALSE(parse_key(Secret("whsec_")));
  CHECK_FALSE(parse_key(Secret("whsec_AAAA")));
  CHECK_FALSE(parse_key(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa*w")));
  CHECK_FALSE(parse_key(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-w")));
  // 25 bytes, with padding and without.
  CHECK(parse_key(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA==")));
  CHECK(parse_key(Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA")));
}
