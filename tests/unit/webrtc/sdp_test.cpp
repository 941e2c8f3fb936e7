#include "webrtc/sdp.h"

#include <doctest/doctest.h>

#include "unit/webrtc/offers.h"
#include "webrtc/fragment.h"

using namespace stream;
using namespace stream::webrtc;

TEST_CASE("what stands in the offers is read") {
  const auto chrome = parse_description(offers::kChrome);
  REQUIRE(chrome);
  REQUIRE(chrome->media.size() == 2);
  CHECK(chrome->bundle == std::vector<std::string>{"0", "1"});
  CHECK(chrome->trickle);
  CHECK(chrome->extmap_allow_mixed);
  const Media& video = chrome->media[1];
  CHECK(video.kind == "video");
  CHECK(video.mid == "1");
  CHECK(video.direction == Direction::kSendOnly);
  CHECK(video.codecs.size() == 14);
  CHECK(video.codecs[2].payload_type == 102);
  CHECK(video.codecs[2].parameter("Profile-Level-Id") == "42001f");
  CHECK(video.codecs[2].has_feedback("nack pli"));
  CHECK_FALSE(video.codecs[2].parameter("apt"));
  CHECK(video.extensions.size() == 7);
  REQUIRE(video.sources.size() == 1);
  CHECK(video.sources[0].ssrc == 1506093370);
  CHECK(video.sources[0].rtx == 3418765571);
  CHECK(video.ice.ufrag == "EsAw");
  CHECK(video.setup == Setup::kActpass);
  CHECK(chrome->media[0].codecs[0].channels == 2);
  CHECK(chrome->media[0].codecs[0].clock_rate == 48000);

  const auto firefox = parse_description(offers::kFirefox);
  REQUIRE(firefox);
  const Media& second = firefox->media[1];
  CHECK_FALSE(second.is_rejected());
  CHECK(second.fingerprints.size() == 1);  // the session's
  CHECK(second.codecs[0].name == "VP8");
  CHECK(second.codecs[0].parameter("max-fs") == "12288");
  CHECK(second.sources[0].rtx == 1017399472);  // the group stands behind the sources
  CHECK(firefox->media[0].extensions[1].id == 2);
  REQUIRE(firefox->media[0].candidates.size() == 2);
  CHECK(firefox->media[0].candidates[1].transport == "tcp");
  CHECK(firefox->media[0].end_of_candidates);

  const auto obs = parse_description(offers::kObs);
  REQUIRE(obs);
  CHECK(obs->media[1].simulcast == std::vector<std::string>{"0", "1", "2"});
  CHECK(obs->media[1].rids.size() == 3);
}

TEST_CASE("every prefix of an offer is read or refused, and so is one with a changed byte") {
  for (const std::string_view offer :
       {offers::kChrome, offers::kFirefox, offers::kFirefoxViewer, offers::kSafariViewer,
        offers::kObs, offers::kGStreamer, offers::kFfmpeg}) {
    CHECK(parse_description(offer));
    for (size_t size = 0; size < offer.size(); ++size) {
      const auto part = parse_description(std::string(offer.substr(0, size)));
      CHECK(static_cast<bool>(part) == part.error.empty());
    }
    for (size_t at = 0; at < offer.size(); ++at) {
      std::string changed(offer);
      changed[at] = static_cast<char>(changed[at] ^ 0x15);
      parse_description(changed);
    }
  }
}

TEST_CASE("bounds and damage") {
  CHECK_FALSE(parse_description(""));
  CHECK_FALSE(parse_description("hello"));
  CHECK_FALSE(parse_description("v=0\r\ns=-\r\n"));  // no media
  CHECK_FALSE(parse_description("v=0\r\nm=audio x RTP/AVP 0\r\n"));
  CHECK_FALSE(parse_description("v=0\r\nhello\r\n"));
  CHECK_FALSE(parse_description("v=0\r\n" + std::string(kMaxDescription, 'a')));
  CHECK(parse_description("junk\nv=0\r\nm=audio 9 RTP/AVP 0\r\n"));
  std::string many = "v=0\r\n";
  for (size_t i = 0; i <= kMaxMedia; ++i) many += "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n";
  CHECK_FALSE(parse_description(many));
  std::string wide = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 96 96\r\n";
  for (int i = 0; i < 1500; ++i)
    wide += "a=ssrc:" + std::to_string(i) +
            " x\r\na=rtcp-fb:96 nack\r\na=rid:" + std::to_string(i) + " send\r\n";
  wide += "a=rtpmap:96 VP8/90000\r\n";
  const auto parsed = parse_description(wide);
  CHECK_FALSE(parsed);  // too many lines
  const auto shorter = parse_description(wide.substr(0, 30000) + "\r\na=rtpmap:96 VP8/90000\r\n");
  REQUIRE(shorter);
  CHECK(shorter->media[0].sources.size() == 64);
  CHECK(shorter->media[0].rids.size() == 16);
  CHECK(shorter->media[0].codecs.size() == 1);
  CHECK(shorter->media[0].codecs[0].feedback.size() == 64);
}

TEST_CASE("candidates") {
  const auto one = parse_candidate(
      "842163049 1 udp 1677729535 203.0.113.5 46154 typ srflx raddr 10.0.0.1 rport 9");
  REQUIRE(one);
  CHECK(one->type == "srflx");
  CHECK(one->port == 46154);
  CHECK(to_text(*one) == "842163049 1 udp 1677729535 203.0.113.5 46154 typ srflx");
  CHECK(parse_candidate("1 1 UDP 1 9b36eaac.local 5 typ host")->transport == "udp");
  for (const char* wrong : {"", "1", "1 1 udp 1 1.2.3.4 5 typ", "1 1 udp 1 1.2.3.4 5 host x",
                            "1 1 udp 1 1.2.3.4 99999 typ host", "1 0 udp 1 1.2.3.4 5 typ host"})
    CHECK_FALSE(parse_candidate(wrong));
  const auto host = host_candidate(boost::asio::ip::make_address("192.0.2.1"), 8189, 0);
  CHECK(to_text(host) == "1 1 udp 2130706431 192.0.2.1 8189 typ host");
}

TEST_CASE("fragments of trickle ICE") {
  // RFC 9725 4.3.2.
  const std::string text =
      "a=ice-options:trickle ice2\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
      "a=mid:0\r\na=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
      "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host generation 0 ufrag EsAw "
      "network-id 1\r\na=end-of-candidates\r\n";
  const auto fragment = parse_fragment(text);
  REQUIRE(fragment);
  CHECK(fragment->ice.ufrag == "EsAw");
  CHECK(fragment->mid == "0");
  CHECK(fragment->candidates.size() == 1);
  CHECK(fragment->end_of_candidates);
  for (size_t size = 0; size < text.size(); ++size) {
    const auto part = parse_fragment(std::string(text.substr(0, size)));
    CHECK(static_cast<bool>(part) == part.error.empty());
  }
  const auto again = parse_fragment(write_fragment(*fragment.value));
  REQUIRE(again);
  CHECK(again->ice == fragment->ice);
  CHECK(again->candidates.size() == 1);
  CHECK_FALSE(parse_fragment(""));
  CHECK_FALSE(parse_fragment("a=ice-ufrag:ab\r\n"));
  CHECK_FALSE(parse_fragment("a=candidate:x\r\n"));
  CHECK_FALSE(parse_fragment(std::string(kMaxFragment + 1, 'a')));
}
