#include "webrtc/stun.h"

#include <doctest/doctest.h>

#include <string>

using namespace stream;
using namespace stream::webrtc;

namespace {

std::vector<uint8_t> from_hex(std::string_view text) {
  std::vector<uint8_t> out;
  std::string digits;
  for (const char c : text)
    if (c != ' ' && c != '\n') digits += c;
  for (size_t i = 0; i + 1 < digits.size(); i += 2)
    out.push_back(static_cast<uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
  return out;
}

// RFC 5769 2.1, 2.2, 2.3.
constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";
constexpr std::string_view kRequest = R"(
  00 01 00 58 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 10 53 54 55 4e 20 74 65 73 74 20 63 6c 69 65 6e 74
  00 24 00 04 6e 00 01 ff 80 29 00 08 93 2f f9 b1 51 26 3b 36
  00 06 00 09 65 76 74 6a 3a 68 36 76 59 20 20 20
  00 08 00 14 9a ea a7 0c bf d8 cb 56 78 1e f2 b5 b2 d3 f2 49 c1 b5 71 a2
  80 28 00 04 e5 7a 3b cf)";
constexpr std::string_view kResponse4 = R"(
  01 01 00 3c 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20 00 20 00 08 00 01 a1 47 e1 12 a6 43
  00 08 00 14 2b 91 f5 99 fd 9e 90 c3 8c 74 89 f9 2a f9 ba 53 f0 6b e7 d7
  80 28 00 04 c0 7d 4c 96)";
constexpr std::string_view kResponse6 = R"(
  01 01 00 48 21 12 a4 42 b7 e7 a7 01 bc 34 d6 86 fa 87 df ae
  80 22 00 0b 74 65 73 74 20 76 65 63 74 6f 72 20
  00 20 00 14 00 02 a1 47 01 13 a9 fa a5 d3 f1 79 bc 25 f4 b5 be d2 b9 d9
  00 08 00 14 a3 82 95 4e 4b e6 7b f1 17 84 c9 7c 82 92 c2 75 bf e3 ed 41
  80 28 00 04 c8 fb 0b 4c)";

}  // namespace

TEST_CASE("the vectors of RFC 5769") {
  const auto request = from_hex(kRequest);
  const auto message = parse_stun(request);
  REQUIRE(message);
  CHECK(message->kind == StunClass::kRequest);
  CHECK(message->method == 1);
  CHECK(message->software == "STUN test client");
  CHECK(message->username == "evtj:h6vY");
  CHECK(message->priority == 0x6e0001ff);
  CHECK(message->controlled == 0x932ff9b151263b36);
  CHECK(message->has_fingerprint);
  CHECK(message->is_by(kPassword));
  CHECK_FALSE(message->is_by("VOkJxbRl1RmTxUk/WvJxBu"));
  CHECK_FALSE(message->is_by(""));

  const auto four = from_hex(kResponse4), six = from_hex(kResponse6);
  const auto response4 = parse_stun(four), response6 = parse_stun(six);
  REQUIRE(response4);
  REQUIRE(response6);
  using boost::asio::ip::make_address;
  CHECK(response4->kind == StunClass::kSuccess);
  CHECK(response4->mapped == Endpoint(make_address("192.0.2.1"), 32853));
  CHECK(response6->mapped == Endpoint(make_address("2001:db8:1234:5678:11:2233:4455:6677"), 32853));
  CHECK(response4->is_by(kPassword));
  CHECK(response6->is_by(kPassword));
}

TEST_CASE("no part of a message and no message with a changed byte passes") {
  const auto whole = from_hex(kRequest);
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<uint8_t> part(whole.begin(), whole.begin() + static_cast<long>(size));
    CHECK_FALSE(parse_stun(part));
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    auto changed = whole;
    changed[at] ^= 0x10;
    const auto message = parse_stun(changed);
    CHECK_FALSE((message && message->has_fingerprint && message->is_by(kPassword)));
  }
}

TEST_CASE("what is written is read the same way") {
  using boost::asio::ip::make_address;
  const TransactionId id{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const auto request = StunWriter(StunClass::kRequest, id)
                           .username("left:right")
                           .priority(77)
                           .use_candidate()
                           .controlling(5)
                           .attribute(0x7001, {})
                           .attribute(0xc057, id)
                           .finish("secret");
  const auto message = parse_stun(request);
  REQUIRE(message);
  CHECK(message->transaction == id);
  CHECK(message->username == "left:right");
  CHECK(message->priority == 77);
  CHECK(message->use_candidate);
  CHECK(message->controlling == 5);
  CHECK_FALSE(message->controlled);
  CHECK(message->unknown_count == 1);  // 0xc057 may be passed over
  CHECK(message->unknown[0] == 0x7001);
  CHECK(message->is_by("secret"));
  for (const char* address : {"203.0.113.9", "2001:db8::9"}) {
    const Endpoint endpoint(make_address(address), 4711);
    const auto bytes = StunWriter(StunClass::kSuccess, id).mapped(endpoint).finish("p");
    CHECK(parse_stun(bytes)->mapped == endpoint);
  }
  const auto refusal = StunWriter(StunClass::kError, id).error(487, "Role Conflict").finish({});
  CHECK(parse_stun(refusal)->kind == StunClass::kError);
  CHECK(parse_stun(refusal)->error == 487);
  CHECK_FALSE(parse_stun(refusal)->has_integrity);
}
