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
  const Vector idr{0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 3, 0x65, 0x88, 1};
  const auto payloads = packetiser->packetise(idr, true);
  REQUIRE(payloads.size() == 2);
  CHECK((payloads[0].data.data()[0] & 31) == 24);
  CHECK(payloads[1].data.size() == 3);
  CHECK(packetiser->packetise(idr, false).size() == 1);
}

TEST_CASE("Annex B in, and lengths of two bytes") {
  Vector config = rtp_media::config_of("h264");
  config[4] = 0xfd;
  const auto two = make_packetiser("h264", config);
  CHECK(two->packetise(Vector{0, 3, 0x41, 0x88, 1}, false).size() == 1);
  const auto annexb = make_packetiser("h264", Vector{0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2});
  const auto payloads =
      annexb->packetise(Vector{0, 0, 0, 1, 0x65, 0x88, 1, 0, 0, 1, 0x65, 0x48}, true);
  REQUIRE(payloads.size() == 3);
  CHECK(payloads[2].marker);
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
