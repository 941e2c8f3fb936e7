#include "webrtc/answer.h"

#include <doctest/doctest.h>

#include "unit/webrtc/offers.h"

using namespace stream;
using namespace stream::webrtc;

namespace {

Local local() {
  return {{"ours", "0123456789012345678901"},
          {"sha-256", std::vector<uint8_t>(32, 0xab)},
          {host_candidate(boost::asio::ip::make_address("192.0.2.1"), 8189, 0)}};
}

Outcome<Answer> publish(std::string_view text, PublisherPolicy policy = {}) {
  const auto offer = parse_description(text);
  REQUIRE(offer);
  return answer_publisher(*offer.value, local(), policy);
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

size_t count(const std::string& text, std::string_view what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

bool has(const std::string& text, std::string_view line) {
  return text.find(std::string(line) + "\r\n") != std::string::npos;
}

ViewerPolicy viewer(std::string codec, std::string profile = {}) {
  ViewerPolicy policy;
  policy.tracks = {{"video", std::move(codec), std::move(profile), 1, 2},
                   {"audio", "opus", {}, 3, 0}};
  policy.cname = "c";
  policy.stream_id = "live";
  return policy;
}

}  // namespace

TEST_CASE("Chrome publishes") {
  const auto answer = publish(offers::kChrome);
  REQUIRE(answer);
  REQUIRE(answer->tracks.size() == 2);
  const Track& sound = answer->tracks[0];
  const Track& picture = answer->tracks[1];
  CHECK(sound.codec == "opus");
  CHECK(sound.payload_type == 111);
  CHECK(sound.channels == 2);
  CHECK(sound.mid_extension == 4);
  CHECK(picture.codec == "h264");
  CHECK(picture.payload_type == 108);  // 42e01f with mode 1
  CHECK(picture.rtx_payload_type == 109);
  CHECK(sound.red_payload_type == 63);
  CHECK(has(answer->sdp, "m=audio 9 UDP/TLS/RTP/SAVPF 63 111"));
  CHECK(has(answer->sdp, "a=rtpmap:63 red/48000/2"));
  CHECK(has(answer->sdp, "a=fmtp:63 111/111"));
  CHECK(picture.nack);
  CHECK(picture.pli);
  CHECK(picture.transport_cc);
  CHECK(picture.transport_sequence_extension == 3);
  CHECK(sound.transport_sequence_extension == 3);
  CHECK_FALSE(picture.remb);
  CHECK(picture.abs_send_time_extension == 0);
  CHECK(picture.sources[0].rtx == 3418765571);
  CHECK(answer->remote.ufrag == "EsAw");
  CHECK(answer->setup == Setup::kPassive);
  const std::string& sdp = answer->sdp;
  CHECK(sdp.starts_with("v=0\r\n"));
  CHECK(has(sdp, "a=ice-lite"));
  CHECK(has(sdp, "a=group:BUNDLE 0 1"));
  CHECK(has(sdp, "m=video 9 UDP/TLS/RTP/SAVPF 108 109"));
  CHECK(has(sdp,
            "a=fmtp:108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"));
  CHECK(has(sdp, "a=fmtp:109 apt=108"));
  CHECK(has(sdp, "a=candidate:1 1 udp 2130706431 192.0.2.1 8189 typ host"));
  CHECK(count(sdp, "a=recvonly") == 2);
  CHECK(count(sdp, "a=setup:passive") == 2);
  CHECK(sdp.find("stereo=1") != std::string::npos);
  CHECK(has(sdp, "a=rtcp-fb:108 transport-cc"));
  CHECK(has(sdp, "a=extmap:3 " + std::string(kTransportSequenceUri)));
  CHECK(sdp.find("goog-remb") == std::string::npos);
  // It can be read, and has the shape of an answer.
  const auto read = parse_description(sdp);
  REQUIRE(read);
  CHECK(read->ice_lite);
  CHECK(read->media[1].direction == Direction::kRecvOnly);
  CHECK(to_text(read->media[0].fingerprints[0]).starts_with("sha-256 AB:AB:"));

  PublisherPolicy policy;
  policy.codecs = {"vp8", "h264", "opus"};
  policy.video_kbps = 3000;
  const auto vp8 = publish(offers::kChrome, policy);
  CHECK(vp8->tracks[1].payload_type == 96);
  CHECK(has(vp8->sdp, "c=IN IP4 0.0.0.0\r\nb=AS:3000"));
}

TEST_CASE("who has no transport-wide feedback gets REMB") {
  std::string offer = offers::kChrome;
  for (size_t at; (at = offer.find("a=rtcp-fb:108 transport-cc\r\n")) != offer.npos;)
    offer.erase(at, 28);
  const auto answer = publish(offer);
  REQUIRE(answer);
  const Track& picture = answer->tracks[1];
  CHECK_FALSE(picture.transport_cc);
  CHECK(picture.transport_sequence_extension == 0);
  CHECK(picture.remb);
  CHECK(picture.abs_send_time_extension == 2);
  CHECK(has(answer->sdp, "a=rtcp-fb:108 goog-remb"));
}

TEST_CASE("Firefox, OBS, GStreamer and FFmpeg publish") {
  const auto firefox = publish(offers::kFirefox);
  REQUIRE(firefox);
  CHECK(firefox->tracks[1].codec == "vp9");
  CHECK(firefox->tracks[1].rtx_payload_type == 125);
  CHECK(firefox->tracks[1].transport_sequence_extension == 7);
  CHECK(has(firefox->sdp, "m=video 9 UDP/TLS/RTP/SAVPF 121 125"));

  const auto obs = publish(offers::kObs);
  REQUIRE(obs);
  CHECK(obs->tracks[1].rids == std::vector<std::string>{"0", "1", "2"});
  CHECK(obs->tracks[1].rid_extension == 2);
  CHECK(has(obs->sdp, "a=simulcast:recv 0;1;2"));
  CHECK(has(obs->sdp, "a=rid:2 recv"));
  PublisherPolicy one_layer;
  one_layer.layers = 1;
  CHECK(has(publish(offers::kObs, one_layer)->sdp, "a=simulcast:recv 0"));

  const auto gstreamer = publish(offers::kGStreamer);
  REQUIRE(gstreamer);
  CHECK(gstreamer->tracks.size() == 1);
  CHECK(gstreamer->tracks[0].mid == "video0");
  CHECK_FALSE(gstreamer->tracks[0].rtx_payload_type);

  const auto ffmpeg = publish(offers::kFfmpeg);
  REQUIRE(ffmpeg);
  CHECK(ffmpeg->setup == Setup::kActive);
  CHECK(count(ffmpeg->sdp, "a=setup:active") == 2);
  CHECK(ffmpeg->tracks[1].rtx_payload_type == 105);
}

TEST_CASE("offers to publish that are refused say why") {
  const std::string good = offers::kGStreamer;
  const auto why = [](const std::string& offer) {
    const auto answer = publish(offer);
    CHECK_FALSE(answer);
    return answer.error;
  };
  CHECK(why(replaced(good, "a=sendonly", "a=recvonly")).find("sendonly") != std::string::npos);
  CHECK(why(replaced(good, "a=rtcp-mux\r\n", "")).find("rtcp-mux") != std::string::npos);
  CHECK(why(replaced(good, "a=fingerprint:sha-256", "a=fingerprint:md5")).find("fingerprint") !=
        std::string::npos);
  CHECK(why(replaced(good, "a=ice-pwd:", "a=ice-pwx:")).find("ice-pwd") != std::string::npos);
  CHECK(why(replaced(good, "UDP/TLS/RTP/SAVPF", "RTP/AVP")).find("RTP/AVP") != std::string::npos);
  CHECK(why(replaced(good, "H264/90000", "theora/90000")).find("theora") != std::string::npos);
  CHECK(why(replaced(good, "s=-\r\n", "s=-\r\na=ice-lite\r\n")).find("lite") != std::string::npos);
  CHECK(why(replaced(good, "m=video 9", "m=video 0")).find("port 0") != std::string::npos);
  CHECK(why(replaced(good, "m=video 9", "m=application 9")).find("neither") != std::string::npos);
  CHECK(why(replaced(offers::kChrome, "a=group:BUNDLE 0 1", "a=group:BUNDLE 0")).find("BUNDLE") !=
        std::string::npos);
  CHECK(why(replaced(offers::kChrome, "a=mid:1", "a=mid:0")).find("a=mid") != std::string::npos);
  CHECK(why(replaced(offers::kChrome, "m=audio 9", "m=video 9")).find("2 picture") !=
        std::string::npos);
}

TEST_CASE("Firefox without its H.264 plays VP8, VP9 and AV1, and reads why nothing else") {
  const auto offer = parse_description(offers::kFirefoxViewer);
  REQUIRE(offer);
  const auto vp8 = answer_viewer(*offer.value, local(), viewer("vp8"));
  REQUIRE(vp8);
  REQUIRE(vp8->tracks.size() == 2);
  CHECK(vp8->tracks[0].payload_type == 120);
  CHECK(vp8->tracks[0].rtx_payload_type == 124);
  CHECK(vp8->tracks[0].playout_delay_extension == 6);
  CHECK(vp8->tracks[1].payload_type == 109);
  CHECK(answer_viewer(*offer.value, local(), viewer("vp9"))->tracks[0].payload_type == 121);
  CHECK(answer_viewer(*offer.value, local(), viewer("av1"))->tracks[0].payload_type == 99);
  const auto h264 = answer_viewer(*offer.value, local(), viewer("h264"));
  CHECK_FALSE(h264);
  CHECK(h264.error == "the stream is h264 and the player takes VP8, VP9, AV1");
}

TEST_CASE("a viewer gets the stream's codec with our sources") {
  const auto offer = parse_description(offers::kSafariViewer);
  REQUIRE(offer);
  const auto high = answer_viewer(*offer.value, local(), viewer("h264", "640028"));
  REQUIRE(high);
  REQUIRE(high->tracks.size() == 2);
  CHECK(high->tracks[0].payload_type == 96);
  CHECK(count(high->sdp, "a=sendonly") == 2);
  CHECK(has(high->sdp, "a=msid:live video"));
  CHECK(has(high->sdp, "a=ssrc-group:FID 1 2"));
  CHECK(has(high->sdp, "a=ssrc:3 cname:c"));
  CHECK(count(high->sdp, "a=ssrc:0") == 0);
  CHECK(answer_viewer(*offer.value, local(), viewer("h264", "42e01f"))->tracks[0].payload_type ==
        98);
  CHECK(answer_viewer(*offer.value, local(), viewer("hevc"))->tracks[0].payload_type == 100);
  const auto av1 = answer_viewer(*offer.value, local(), viewer("av1"));
  CHECK_FALSE(av1);
  CHECK(av1.error == "the stream is av1 and the player takes H264, H265, VP8");

  CHECK_FALSE(has(high->sdp, "playout-delay"));
  std::string with_delay = offers::kSafariViewer;
  const size_t video = with_delay.find("m=video");
  with_delay.insert(with_delay.find("a=extmap:", video),
                    "a=extmap:6 " + std::string(kPlayoutDelayUri) + "\r\n");
  const auto delayed =
      answer_viewer(*parse_description(with_delay).value, local(), viewer("h264", "42e01f"));
  REQUIRE(delayed);
  CHECK(delayed->tracks[0].playout_delay_extension == 6);
  CHECK(delayed->tracks[1].playout_delay_extension == 0);
  CHECK(count(delayed->sdp, "a=extmap:6 " + std::string(kPlayoutDelayUri)) == 1);

  // What the network carries is asked for only where somebody acts on it.
  CHECK_FALSE(has(delayed->sdp, "a=rtcp-fb:96 goog-remb"));
  std::string with_times = offers::kSafariViewer;
  with_times.insert(with_times.find("a=extmap:", with_times.find("m=video")),
                    "a=extmap:2 " + std::string(kAbsSendTimeUri) + "\r\n");
  auto asks = viewer("h264", "640028");
  asks.estimates = true;
  const auto estimating = answer_viewer(*parse_description(with_times).value, local(), asks);
  REQUIRE(estimating);
  CHECK(estimating->tracks[0].abs_send_time_extension == 2);
  CHECK(has(estimating->sdp, "a=rtcp-fb:96 goog-remb"));
  CHECK(count(estimating->sdp, "a=extmap:2 " + std::string(kAbsSendTimeUri)) == 1);
  CHECK(count(estimating->sdp, "transport-cc") == 0);
  CHECK(answer_viewer(*offer.value, local(), asks)->tracks[0].abs_send_time_extension == 0);

  auto silent = viewer("vp8");
  silent.tracks.pop_back();
  const auto picture = answer_viewer(*offer.value, local(), silent);
  REQUIRE(picture);
  CHECK(picture->tracks.size() == 1);
  CHECK(count(picture->sdp, "a=inactive") == 1);
  silent.tracks.clear();
  CHECK_FALSE(answer_viewer(*offer.value, local(), silent));
}
