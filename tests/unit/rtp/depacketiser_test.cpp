#include "rtp/depacketiser.h"

#include <doctest/doctest.h>

#include "unit/rtp/media.h"

using namespace stream;
using namespace stream::rtp;
using records::hex;
using rtp_media::Vector;

namespace {

Packet packet(const Vector& payload, uint32_t timestamp, bool marker) {
  Packet p;
  p.payload = payload;
  p.timestamp = timestamp;
  p.marker = marker;
  return p;
}

Vector bytes_of(const Buffer& buffer) {
  return {buffer.begin(), buffer.end()};
}

// The parameter sets of records::kAvcc as Chromium sends them.
Vector stap() {
  const Vector avcc = hex(records::kAvcc);
  const auto config = codec::parse_avcc(avcc);
  ByteWriter out;
  out.u8(0x78);
  for (const Bytes nal : {config->sps[0], config->pps[0]}) {
    out.u16(static_cast<uint16_t>(nal.size()));
    out.bytes(nal);
  }
  return out.take();
}

}  // namespace

TEST_CASE("H.264 as browsers send it") {
  const auto d = make_depacketiser("h264");
  const Vector sets = stap();
  SUBCASE("STAP-A, then an IDR in fragments") {
    d->feed(packet(sets, 10, false));
    d->feed(packet({0x7c, 0x85, 0x88, 1, 2}, 10, false));
    d->feed(packet({0x7c, 0x05, 3, 4}, 10, false));
    CHECK_FALSE(d->next());
    d->feed(packet({0x7c, 0x45, 5}, 10, true));
    const auto unit = d->next();
    REQUIRE(unit);
    CHECK(unit->key);
    CHECK(unit->width == 642);
    CHECK(unit->height == 358);
    CHECK(bytes_of(unit->data) == Vector{0, 0, 0, 7, 0x65, 0x88, 1, 2, 3, 4, 5});
    CHECK(codec::parse_avcc(unit->extradata));
    // The same sets again are no news.
    d->feed(packet(sets, 20, false));
    d->feed(packet({0x65, 0x88}, 20, true));
    CHECK(d->next()->extradata.empty());
  }
  SUBCASE("sets before, in units of their own; an end by the next timestamp") {
    const Vector avcc = hex(records::kAvcc);
    const auto config = codec::parse_avcc(avcc);
    d->feed(packet(Vector(config->sps[0].begin(), config->sps[0].end()), 1, false));
    d->feed(packet(Vector(config->pps[0].begin(), config->pps[0].end()), 2, false));
    d->feed(packet({9, 0x10}, 3, false));
    d->feed(packet({0x65, 0x88, 1}, 3, false));
    CHECK_FALSE(d->next());
    d->feed(packet({0x41, 0x88, 1}, 4, true));
    CHECK(bytes_of(d->next()->data) == Vector{0, 0, 0, 3, 0x65, 0x88, 1});
    CHECK_FALSE(d->next()->key);
    CHECK(d->discarded() == 0);
  }
  SUBCASE("an IDR without sets is nothing to start from") {
    d->feed(packet({0x65, 0x88, 1}, 3, true));
    CHECK_FALSE(d->next());
    CHECK(d->discarded() == 1);
  }
  SUBCASE("a hole takes the unit before it and the one behind it that lacks its beginning") {
    d->feed(packet({0x41, 0x88, 1}, 1, false));
    d->hole();
    d->feed(packet({0x41, 0x48, 2}, 2, true));
    CHECK_FALSE(d->next());
    CHECK(d->discarded() == 2);
    d->hole();
    d->feed(packet({0x41, 0x88, 2}, 3, true));
    CHECK(d->next());
  }
  SUBCASE("damage") {
    for (const Vector& bad : std::vector<Vector>{{0x41},
                                                 {0x78, 0, 9, 1},
                                                 {0x78, 0, 0},
                                                 {0x7c, 0x05, 1},
                                                 {0x7c, 0xc5, 1},
                                                 {0x7d, 1, 2},
                                                 {0x79, 1, 2},
                                                 {0, 1}}) {
      const uint64_t before = d->discarded();
      d->feed(packet({0x41, 0x88, 1}, 1, false));
      d->feed(packet(bad, 1, true));
      CHECK_FALSE(d->next());
      CHECK(d->discarded() == before + 1);
    }
  }
}

TEST_CASE("a picture without its end is not mixed with the next") {
  const auto d = make_depacketiser("vp8");
  d->feed(packet({0x10, 0x11, 1}, 1, false));
  d->hole();
  d->feed(packet({0x00, 9}, 1, true));  // the end of the first, its middle is missing
  d->feed(packet({0x10, 0x11, 2}, 2, true));
  const auto unit = d->next();
  REQUIRE(unit);
  CHECK(bytes_of(unit->data) == Vector{0x11, 2});
  CHECK_FALSE(d->next());
}

TEST_CASE("VP9: the lowest spatial layer alone") {
  const auto d = make_depacketiser("vp9");
  const Vector frame = hex(records::kVp9Frame);
  Vector base{0xac, 5, 0x00, 1};  // I, L, B, E; picture id, layer 0, TL0PICIDX
  base.insert(base.end(), frame.begin(), frame.end());
  d->feed(packet(base, 1, false));
  d->feed(packet({0xac, 5, 0x02, 1, 0x86, 1}, 1, true));
  const auto unit = d->next();
  REQUIRE(unit);
  CHECK(bytes_of(unit->data) == frame);
  CHECK(unit->key);
  // With a scalability structure of one layer, one picture with one reference; flexible.
  Vector structured{0x9a, 6, 0x18, 2, 0x80, 1, 0x68, 1, 0x04, 1, 0x86, 7};
  d->feed(packet(structured, 2, true));
  const auto second = d->next();
  REQUIRE(second);
  CHECK(bytes_of(second->data) == Vector{0x86, 7});
}

TEST_CASE("AV1: counted elements, fragments, delimiters left out") {
  const auto d = make_depacketiser("av1");
  const Vector header = hex("080000000cc5036500be0010");
  Vector first{0x28, static_cast<uint8_t>(header.size())};  // N, two elements
  first.insert(first.end(), header.begin(), header.end());
  first.insert(first.end(), {0x30, 0x10, 1, 2});
  first[0] |= 0x40;  // goes on
  d->feed(packet(first, 1, false));
  d->feed(packet({0x90, 3, 4}, 1, true));
  const auto unit = d->next();
  REQUIRE(unit);
  CHECK(unit->key);
  CHECK(unit->extradata.size() > 4);
  const Vector data = bytes_of(unit->data);
  CHECK(Vector(data.end() - 7, data.end()) == Vector{0x32, 5, 0x10, 1, 2, 3, 4});
  d->feed(packet({0x00, 1, 0x12, 3, 0x30, 0x30, 9}, 2, true));
  CHECK_FALSE(d->next());  // a delimiter that says it has a size and has none
  d->feed(packet({0x20, 2, 0x12, 0x00, 0x30, 0x30, 9}, 3, true));
  CHECK(bytes_of(d->next()->data) == Vector{0x32, 2, 0x30, 9});
}

TEST_CASE("payloads cut at every length leave what follows whole (I25)") {
  for (const std::string codec : rtp_media::kCodecs) {
    CAPTURE(codec);
    const auto packetiser = make_packetiser(codec, rtp_media::config_of(codec));
    const auto d = make_depacketiser(codec);
    const Vector key = rtp_media::unit_of(codec, true, 3000, 1);
    uint32_t time = 0;
    for (const Payload& payload : packetiser->packetise(key, true)) {
      for (size_t n = 0; n <= 40; ++n) {
        const Bytes all = payload.data;
        const Vector cut(all.begin(),
                         all.begin() + static_cast<ptrdiff_t>(std::min(n, all.size())));
        d->feed(packet(cut, ++time, n % 2 != 0));
      }
    }
    while (d->next()) {
    }
    ++time;
    for (const Payload& payload : packetiser->packetise(key, true)) {
      Packet p = rtp_media::packet_of(payload, 0, time);
      d->feed(p);
    }
    std::optional<AccessUnit> last;
    while (auto unit = d->next()) last = std::move(unit);
    REQUIRE(last);
    CHECK(bytes_of(last->data) == key);
    CHECK(last->key);
  }
}

TEST_CASE("make_depacketiser") {
  CHECK_FALSE(make_depacketiser("aac"));
  const auto d = make_depacketiser("opus", 1);
  d->feed(packet({1, 2, 3}, 5, false));
  const auto unit = d->next();
  REQUIRE(unit);
  CHECK(unit->key);
  CHECK(unit->extradata.size() == 19);
  CHECK(unit->extradata.data()[9] == 1);
  d->feed(packet({1}, 6, true));
  CHECK(d->next()->extradata.empty());
}
