#include "media/slate.h"

#include <doctest/doctest.h>

#include "av/decoder.h"
#include "base/error.h"
#include "codec/nal.h"

using namespace stream;
using media::Slate;
using media::SlatePlayer;

namespace {

av::Tracks like() {
  av::Track picture;
  picture.codec = "h264";
  picture.width = 320;
  picture.height = 180;
  picture.frame_rate = {30, 1};
  // Any avcC: the slate is to use lengths, too.
  const uint8_t avcc[] = {1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 0};
  picture.extradata = Buffer::copy(avcc);
  av::Track sound;
  sound.type = av::MediaType::kAudio;
  sound.codec = "aac";
  sound.sample_rate = 44100;
  sound.channels = 2;
  return {picture, sound};
}

}  // namespace

TEST_CASE("Slate") {
  SUBCASE("a text has the stream's parameters and letters in it") {
    const Slate slate = Slate::make({"Back soon", ""}, like());
    const auto tracks = slate.tracks();
    REQUIRE(tracks.size() == 2);
    CHECK(tracks[0].width == 320);
    CHECK(tracks[0].time_base == Rational{1, 30});
    CHECK_FALSE(codec::is_annexb(tracks[0].extradata));
    CHECK(tracks[1].sample_rate == 44100);
    CHECK(slate.loops()[0].packets.size() == 60);
    av::Decoder decoder(tracks[0]);
    decoder.send(slate.loops()[0].packets[0]);
    decoder.finish();
    const auto frame = decoder.receive();
    REQUIRE(frame);
    int white = 0;
    for (int y = 0; y < 180; ++y)
      for (int x = 0; x < 320; ++x) white += frame->plane(0)[y * frame->stride(0) + x] > 200;
    CHECK(white > 300);
    CHECK(white < 320 * 180 / 4);
  }
  SUBCASE("it plays on and on: times increase, no gap, a keyframe each round") {
    const Slate slate = Slate::make({"{\\b1}C:\\x", ""}, like());
    SlatePlayer player(slate);
    int64_t last[2] = {-1, -1024};
    int pictures = 0, keys = 0;
    while (player.next_time() < std::chrono::seconds(7)) {
      const av::Packet packet = player.next();
      REQUIRE(packet.dts == last[packet.track] + (packet.track ? 1024 : 1));
      last[packet.track] = packet.dts;
      pictures += packet.track == 0;
      keys += packet.track == 0 && packet.key;
      CHECK(packet.pts >= packet.dts);
    }
    CHECK(pictures == 210);
    CHECK(keys == 4);
  }
  SUBCASE("a codec without an encoder is said") {
    auto tracks = like();
    tracks[0].codec = "vp8";
    CHECK_THROWS_AS(Slate::make({"x", ""}, tracks), Error);
    tracks[0].codec = "h264";
    tracks[1].codec = "flac";
    CHECK(Slate::make({"x", ""}, tracks).loops()[1].packets.empty());
  }
}
