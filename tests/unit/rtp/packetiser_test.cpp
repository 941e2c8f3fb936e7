#include "rtp/packetiser.h"

#include <doctest/doctest.h>

#include "unit/rtp/media.h"

using namespace stream;
using namespace stream::rtp;
using rtp_media::Vector;

TEST_CASE("what is packetised comes out of the depacketiser") {
  for (const std::string codec : rtp_media::kCodecs) {
    const auto packetiser = make_packetiser(codec, rtp_media::config_of(codec));
    const auto depacketiser = make_depacketiser(codec);
    uint32_t time = 0;
    for (const size_t size : {4u, 100u, 1170u, 1180u, 1190u, 2400u, 5000u, 100000u}) {
      if (codec == "opus" && size > kMaxPayload) continue;
      for (const bool key : {true, false}) {
        CAPTURE(codec);
        CAPTURE(size);
        CAPTURE(key);
        const Vector unit = rtp_media::unit_of(codec, key, size, ++time);
        const auto payloads = packetiser->packetise(unit, key);
        REQUIRE_FALSE(payloads.empty());
        for (size_t i = 0; i < payloads.size(); ++i) {
          CHECK(payloads[i].data.size() <= kMaxPayload);
          CHECK(payloads[i].marker == (codec != "opus" && i + 1 == payloads.size()));
          depacketiser->feed(rtp_media::packet_of(payloads[i], 0, time));
        }
        const auto back = depacketiser->next();
        REQUIRE(back);
        CHECK(Vector(back->data.begin(), back->data.end()) == unit);
        CHECK(back->key == (key || codec == "opus"));
        CHECK(back->timestamp == time);
        CHECK_FALSE(depacketiser->next());
      }
    }
    CHECK(depacketiser->discarded() == 0);
  }
}

TEST_CASE("H.264: the sets stand before each IDR that lacks them, as one STAP-A") {
  const auto packetiser = make_packetiser("h264", rtp_media::config_of("h264"));
  Vector idr{0, 0, 0, 2, 9, 0xf0, 0, 0, 0x05, 0, 0x65, 0x88, 1};
  idr.resize(2 + 4 + 4 + 0x500, 3);
  const auto payloads = packetiser->packetise(idr, true);
  REQUIRE(payloads.size() == 3);
  CHECK((payloads[0].data.data()[0] & 31) == 24);
  CHECK((payloads[1].data.data()[0] & 31) == 28);
  CHECK(packetiser->packetise(idr, false).size() == 2);
}

TEST_CASE("H.264: what is small goes together, under the highest importance of it") {
  const auto packetiser = make_packetiser("h264", rtp_media::config_of("h264"));
  const Vector unit{0, 0, 0, 3, 0x06, 5, 0x80, 0, 0, 0, 3, 0x41, 0x88, 1};
  const auto payloads = packetiser->packetise(unit, false);
  REQUIRE(payloads.size() == 1);
  CHECK(payloads[0].data.data()[0] == (0x40 | 24));
  CHECK(payloads[0].data.size() == 1 + 2 + 3 + 2 + 3);
}

TEST_CASE("H.264: timing for decoders that are paced by it is left out, other messages stay") {
  const auto packetiser = make_packetiser("h264", rtp_media::config_of("h264"));
  const auto with = [&](Vector sei) {
    Vector unit{0, 0, 0, static_cast<uint8_t>(sei.size())};
    unit.insert(unit.end(), sei.begin(), sei.end());
    for (const uint8_t byte : {0, 0, 0, 3, 0x41, 0x88, 1}) unit.push_back(byte);
    return packetiser->packetise(unit, false).at(0).data.size();
  };
  CHECK(with({0x06, 1, 2, 9, 9, 0x80}) == 3);
  CHECK(with({0x06, 0, 1, 9, 1, 2, 9, 9, 0x80}) == 3);
  CHECK(with({0x06, 4, 1, 9, 0x80}) > 3);           // captions
  CHECK(with({0x06, 1, 1, 9, 4, 1, 9, 0x80}) > 3);  // both in one
  CHECK(with({0x06, 1, 9, 9, 0x80}) > 3);           // cut off
}

TEST_CASE("Annex B in, and lengths of two bytes") {
  Vector config = rtp_media::config_of("h264");
  config[4] = 0xfd;
  const auto two = make_packetiser("h264", config);
  CHECK(two->packetise(Vector{0, 3, 0x41, 0x88, 1}, false).size() == 1);
  const auto annexb = make_packetiser("h264", Vector{0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2});
  const auto payloads =
      annexb->packetise(Vector{0, 0, 0, 1, 0x65, 0x88, 1, 0, 0, 1, 0x65, 0x48}, true);
  REQUIRE(payloads.size() == 1);
  CHECK(payloads[0].marker);
  const Vector expected{0x60 | 24, 0, 2,    0x67, 1, 0, 2, 0x68, 2,
                        0,         3, 0x65, 0x88, 1, 0, 2, 0x65, 0x48};
  CHECK(Vector(payloads[0].data.begin(), payloads[0].data.end()) == expected);
}

TEST_CASE("the parts of a large unit are of one size, for the kernel to cut") {
  for (const std::string codec : {"h264", "hevc", "vp8", "vp9"}) {
    CAPTURE(codec);
    const auto packetiser = make_packetiser(codec, rtp_media::config_of(codec));
    const auto payloads = packetiser->packetise(rtp_media::unit_of(codec, false, 5003, 1), false);
    REQUIRE(payloads.size() >= 5);
    for (size_t i = payloads.size() - 4; i < payloads.size(); ++i) {  // before them: small units
      CHECK(payloads[i].data.size() + 4 >= payloads[i - 1].data.size());
      if (i + 1 < payloads.size()) CHECK(payloads[i].data.size() == payloads[i - 1].data.size());
    }
  }
}

TEST_CASE("damage makes nothing") {
  for (const std::string codec : {"h264", "hevc", "av1", "vp8", "vp9", "opus"}) {
    const auto packetiser = make_packetiser(codec, rtp_media::config_of(codec));
    CHECK(packetiser->packetise({}, true).empty());
  }
  const auto h264 = make_packetiser("h264", rtp_media::config_of("h264"));
  CHECK(h264->packetise(Vector{0, 0, 0, 9, 0x65}, true).empty());
  const auto av1 = make_packetiser("av1", {});
  CHECK(av1->packetise(Vector{0x32, 9, 1}, false).empty());
  CHECK_FALSE(make_packetiser("aac", {}));
}
