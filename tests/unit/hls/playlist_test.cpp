#include "hls/playlist.h"

#include <doctest/doctest.h>

using namespace stream;
using namespace stream::hls;
using namespace std::chrono_literals;

namespace {

MediaPlaylist example() {
  MediaPlaylist playlist;
  playlist.media_sequence = 41;
  playlist.discontinuity_sequence = 3;
  for (int i = 0; i < 4; ++i) {
    Segment segment;
    segment.uri = "segment_00004" + std::to_string(i + 1) + ".m4s";
    segment.map = i < 2 ? "init_1.mp4" : "init_2.mp4";
    segment.duration = i == 3 ? 1'966'667'000ns : 2s;
    segment.discontinuity = i == 2;
    segment.gap = i == 1;
    segment.date = std::chrono::system_clock::from_time_t(1795168800) +
                   std::chrono::milliseconds(i * 2000 + 5);
    playlist.segments.push_back(segment);
  }
  return playlist;
}

std::string refusal(std::string_view text) {
  const auto parsed = parse_media_playlist(text);
  const auto* error = std::get_if<ParseError>(&parsed);
  return error ? std::to_string(error->line) + ": " + error->reason : "";
}

const std::string kHead = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n";

}  // namespace

TEST_CASE("a media playlist as text") {
  CHECK(
      to_text(example()) ==
      "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:41\n"
      "#EXT-X-DISCONTINUITY-SEQUENCE:3\n#EXT-X-INDEPENDENT-SEGMENTS\n"
      "#EXT-X-MAP:URI=\"init_1.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-11-20T10:00:00.005Z\n#EXTINF:2."
      "00000,\n"
      "segment_000041.m4s\n"
      "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T10:00:02.005Z\n#EXT-X-GAP\n#EXTINF:2.00000,\nsegment_"
      "000042.m4s\n"
      "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"init_2.mp4\"\n"
      "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T10:00:04.005Z\n#EXTINF:2.00000,\nsegment_000043.m4s\n"
      "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T10:00:06.005Z\n#EXTINF:1.96667,\nsegment_000044.m4s\n");
}

TEST_CASE("what is written is read back") {
  MediaPlaylist playlist = example();
  playlist.type = PlaylistType::kEvent;
  playlist.ended = true;
  const auto parsed = parse_media_playlist(to_text(playlist));
  REQUIRE(std::holds_alternative<MediaPlaylist>(parsed));
  const auto& back = std::get<MediaPlaylist>(parsed);
  CHECK(back.ended);
  CHECK(back.independent);
  CHECK(back.type == PlaylistType::kEvent);
  CHECK(back.media_sequence == 41);
  CHECK(back.discontinuity_sequence == 3);
  REQUIRE(back.segments.size() == 4);
  for (size_t i = 0; i < 4; ++i) {
    CHECK(back.segments[i].uri == playlist.segments[i].uri);
    CHECK(back.segments[i].map == playlist.segments[i].map);
    CHECK(back.segments[i].date == playlist.segments[i].date);
    CHECK(back.segments[i].gap == playlist.segments[i].gap);
    CHECK(back.segments[i].discontinuity == playlist.segments[i].discontinuity);
  }
  CHECK(back.segments[3].duration == 1'966'670'000ns);
}

TEST_CASE("the reader refuses what the specification forbids") {
  CHECK(refusal("") == "0: the first line is not #EXTM3U");
  CHECK(refusal("\xef\xbb\xbf#EXTM3U\n") != "");
  CHECK(refusal("#EXTM3U\n") == "1: no #EXT-X-TARGETDURATION");
  CHECK(refusal(kHead + "a.ts\n") == "3: a segment without #EXTINF");
  CHECK(refusal(kHead + "#EXTINF:2.6,\na.ts\n") ==
        "4: a segment is longer than the target duration");
  CHECK(refusal(kHead + "#EXTINF:2.4,\na.ts\n") == "");
  CHECK(refusal(kHead + "#EXTINF:2,\n") != "");
  for (const char* number : {"inf", "nan", "-1", "1e3", "", "0x2", "1.2.3", "99999999"}) {
    CHECK(refusal(kHead + "#EXTINF:" + number + ",\na.ts\n") != "");
  }
  CHECK(refusal(kHead + "#EXT-X-TARGETDURATION:2\n") != "");
  CHECK(refusal(kHead + "#EXT-X-MEDIA-SEQUENCE:18446744073709551616\n") != "");
  CHECK(refusal(kHead + "#EXTINF:1,\na.ts\n#EXT-X-MEDIA-SEQUENCE:5\n") != "");
  CHECK(refusal(kHead + "#EXT-X-MAP:URI=\"a\n") != "");
  CHECK(refusal(kHead + "#EXT-X-MAP:BYTERANGE=1\n") != "");
  CHECK(refusal(kHead + "#EXT-X-STREAM-INF:BANDWIDTH=1\nb.m3u8\n") ==
        "3: this is a multivariant playlist");
  CHECK(refusal(kHead + "#EXTINF:1,\na\x01.ts\n") != "");
  for (const char* date : {"2026", "2026-11-20T10:00:00", "2026-13-20T10:00:00Z",
                           "2026-11-20T10:00:00+1", "2026-11-20T10:00:00+"}) {
    CHECK(refusal(kHead + "#EXT-X-PROGRAM-DATE-TIME:" + date + "\n") != "");
  }
  CHECK(refusal(kHead + "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T10:00:00.1234567+01:30\n#EXT-X-NEWER:"
                        "1\r\n# note\n\n") == "");
}

TEST_CASE("every cut of a playlist is a value") {
  const std::string text = to_text(example());
  for (size_t n = 0; n <= text.size(); ++n) {
    const std::string cut = text.substr(0, n);
    const auto parsed = parse_media_playlist(cut);
    if (const auto* playlist = std::get_if<MediaPlaylist>(&parsed))
      CHECK(playlist->segments.size() <= 4);
  }
}

TEST_CASE("the multivariant playlist") {
  MasterPlaylist master;
  AudioRendition audio;
  audio.uri = "audio/playlist.m3u8";
  audio.name = "En\"g\nlish";
  master.audio.push_back(audio);
  Variant variant;
  variant.uri = "720p/playlist.m3u8";
  variant.bandwidth = 3'100'000;
  variant.average_bandwidth = 2'900'000;
  variant.codecs = "avc1.64001f,mp4a.40.2";
  variant.width = 1280;
  variant.height = 720;
  variant.frame_rate = 30000.0 / 1001;
  variant.audio_group = "audio";
  master.variants.push_back(variant);
  const std::string text = to_text(master);
  CHECK(text ==
        "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"English\",DEFAULT=YES,AUTOSELECT=YES,"
        "CHANNELS=\"2\","
        "URI=\"audio/playlist.m3u8\"\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=3100000,AVERAGE-BANDWIDTH=2900000,CODECS=\"avc1.64001f,mp4a."
        "40.2\","
        "RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO=\"audio\"\n720p/playlist.m3u8\n");
  const auto parsed = parse_master_playlist(text);
  REQUIRE(std::holds_alternative<MasterPlaylist>(parsed));
  const auto& back = std::get<MasterPlaylist>(parsed);
  REQUIRE(back.variants.size() == 1);
  CHECK(back.variants[0].codecs == variant.codecs);
  CHECK(back.variants[0].width == 1280);
  REQUIRE(back.audio.size() == 1);
  CHECK(back.audio[0].uri == audio.uri);
  for (size_t n = 0; n < text.size(); ++n) parse_master_playlist(std::string(text, 0, n));
}
