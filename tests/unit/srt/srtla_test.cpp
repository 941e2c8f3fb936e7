#include "srt/srtla.h"

#include <doctest/doctest.h>

using namespace stream;
using Kind = srt::SrtlaPacket::Kind;

namespace {

std::vector<uint8_t> registration(uint16_t type, size_t size = srt::kSrtlaId) {
  std::vector<uint8_t> bytes{static_cast<uint8_t>(type >> 8), static_cast<uint8_t>(type)};
  for (size_t i = 0; i < size; ++i) bytes.push_back(static_cast<uint8_t>(i));
  return bytes;
}

}  // namespace

TEST_CASE("parse_srtla") {
  SUBCASE("a registration needs its whole id") {
    for (const auto& [type, kind] : {std::pair{0x9200, Kind::kNewGroup}, {0x9201, Kind::kJoin}}) {
      for (size_t size = 0; size < 300; ++size) {
        const auto parsed = srt::parse_srtla(registration(static_cast<uint16_t>(type), size));
        CHECK(parsed.has_value() == (size == srt::kSrtlaId));
        if (!parsed) continue;
        CHECK(parsed->kind == kind);
        CHECK(parsed->id[0] == 0);
        CHECK(parsed->id[255] == 255);
      }
    }
  }
  SUBCASE("SRT's packets, cut at every length") {
    std::vector<uint8_t> data(1332, 7), control(64, 0);
    data[0] = 0x01;
    control[0] = 0x80;
    control[1] = 0x03;
    for (size_t size = 0; size <= 64; ++size) {
      const auto d = srt::parse_srtla(Bytes(data).first(size));
      const auto c = srt::parse_srtla(Bytes(control).first(size));
      CHECK(d.has_value() == (size >= 16));
      CHECK(c.has_value() == (size >= 16));
      if (d) CHECK(d->sequence == 0x01070707u);
      if (c) CHECK(!c->sequence);
    }
  }
  SUBCASE("a keepalive may carry more; what a receiver sends is not taken") {
    CHECK(srt::parse_srtla(std::vector<uint8_t>{0x90, 0x00})->kind == Kind::kKeepalive);
    CHECK(srt::parse_srtla(std::vector<uint8_t>(38, 0x90)).has_value() == false);
    CHECK(srt::parse_srtla(std::vector<uint8_t>{0x90, 0x00, 1, 2, 3})->kind == Kind::kKeepalive);
    CHECK_FALSE(srt::parse_srtla(registration(0x9202)));
    CHECK_FALSE(srt::parse_srtla(registration(0x9100)));
    CHECK_FALSE(srt::parse_srtla(std::vector<uint8_t>{0x90}));
    CHECK_FALSE(srt::parse_srtla({}));
  }
}

TEST_CASE("what an SRTLA receiver says") {
  CHECK(srt::srtla_reply(srt::SrtlaReply::kJoined) == std::vector<uint8_t>{0x92, 0x02});
  CHECK(srt::srtla_reply(srt::SrtlaReply::kNoGroup) == std::vector<uint8_t>{0x92, 0x11});
  CHECK(srt::srtla_ack(std::array<uint32_t, 2>{1, 0x7fffffff}) ==
        std::vector<uint8_t>{0x91, 0, 0, 0, 0, 0, 0, 1, 0x7f, 0xff, 0xff, 0xff});
  srt::SrtlaId id{};
  id[0] = 9;
  const auto group = srt::srtla_group(id);
  CHECK(group.size() == 258);
  CHECK(group[0] == 0x92);
  CHECK(group[1] == 0x01);
  CHECK(group[2] == 9);
}

TEST_CASE("is_srt_ack") {
  std::vector<uint8_t> ack(44, 0);
  ack[0] = 0x80;
  ack[1] = 0x02;
  for (size_t size = 0; size <= ack.size(); ++size)
    CHECK(srt::is_srt_ack(Bytes(ack).first(size)) == (size >= 16));
  ack[1] = 0x03;
  CHECK_FALSE(srt::is_srt_ack(ack));
}
