#include "rtp/packet.h"

#include <doctest/doctest.h>

#include "unit/codec/records.h"

using namespace stream;
using namespace stream::rtp;
using records::hex;

TEST_CASE("parse_packet") {
  SUBCASE("every part") {
    // Padding, extension, one contributing source, marker, type 96.
    const auto bytes = hex("b1e0123401020304aabbccddeeeeeeeebede000212aa31bbcc00007f0102030003");
    const auto packet = parse_packet(bytes);
    REQUIRE(packet);
    CHECK(packet->marker);
    CHECK(packet->payload_type == 96);
    CHECK(packet->sequence == 0x1234);
    CHECK(packet->timestamp == 0x01020304);
    CHECK(packet->ssrc == 0xaabbccdd);
    CHECK(packet->payload.size() == 2);
    CHECK(packet->payload[0] == 1);
  }
  SUBCASE("what write_header makes") {
    std::vector<uint8_t> bytes(kHeaderSize + 1, 9);
    write_header({true, 111, 65535, 0xfffffff0, 7}, bytes.data());
    const auto packet = parse_packet(bytes);
    REQUIRE(packet);
    CHECK(packet->marker);
    CHECK(packet->payload_type == 111);
    CHECK(packet->sequence == 65535);
    CHECK(packet->timestamp == 0xfffffff0);
    CHECK(packet->ssrc == 7);
    CHECK(packet->payload.size() == 1);
  }
  SUBCASE("cut at every length (I25)") {
    const auto bytes = hex("b1e0123401020304aabbccddeeeeeeeebede000212aa31bbcc00007f0102030003");
    for (size_t n = 0; n < bytes.size(); ++n) {
      const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(n));
      const auto packet = parse_packet(cut);
      if (!packet) continue;
      CHECK(packet->payload.size() < n);
      packet->extension(1);
      packet->extension(3);
    }
    CHECK_FALSE(parse_packet(hex("40e0123401020304aabbccdd01")));  // version 1
    CHECK_FALSE(parse_packet(hex("a0e0123401020304aabbccdd02")));  // more padding than there is
    CHECK_FALSE(parse_packet(hex("a0e0123401020304aabbccdd")));
  }
}

TEST_CASE("header extensions") {
  Packet packet;
  SUBCASE("one byte") {
    const auto bytes = hex("12aaabac0031bbccf0112233");
    packet.extension_profile = 0xbede;
    packet.extensions = bytes;
    CHECK(packet.extension(1)->size() == 3);
    CHECK((*packet.extension(3))[1] == 0xcc);
    CHECK_FALSE(packet.extension(15));
    CHECK_FALSE(packet.extension(2));
  }
  SUBCASE("two bytes, one of them empty") {
    const auto bytes = hex("010210200300ff0131");
    packet.extension_profile = 0x1003;
    packet.extensions = bytes;
    CHECK(packet.extension(1)->size() == 2);
    CHECK(packet.extension(3)->empty());
    CHECK((*packet.extension(255))[0] == 0x31);
  }
  SUBCASE("an element longer than the block") {
    const auto bytes = hex("13aa");
    packet.extension_profile = 0xbede;
    packet.extensions = bytes;
    CHECK_FALSE(packet.extension(1));
  }
}

TEST_CASE("Unwrapper") {
  Unwrapper<uint16_t> line;
  CHECK(line(65534) == 65534);
  CHECK(line(1) == 65537);
  CHECK(line(65535) == 65535);  // an older one
  CHECK(line(2) == 65538);
  CHECK(line.peek(40000) == 65536 + 40000 - 65536);
  Unwrapper<uint32_t> times;
  CHECK(times(0xffffff00) == 0xffffff00);
  CHECK(times(0x100) == 0x100000100);
}
