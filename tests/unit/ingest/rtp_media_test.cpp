#include "ingest/rtp_media.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "rtp/sender.h"
#include "unit/rtp/media.h"

using namespace stream;
using namespace stream::media;
using namespace std::chrono_literals;

namespace {

constexpr uint8_t kVideo = 96, kRtx = 97, kAudio = 111;
constexpr uint8_t kRidId = 3, kRepairedId = 4;

webrtc::Track video(std::vector<std::string> rids = {}) {
  webrtc::Track track;
  track.kind = "video";
  track.codec = "h264";
  track.payload_type = kVideo;
  track.rtx_payload_type = kRtx;
  track.nack = track.pli = track.remb = true;
  track.rids = std::move(rids);
  track.rid_extension = kRidId;
  track.repaired_rid_extension = kRepairedId;
  return track;
}

webrtc::Track audio() {
  webrtc::Track track;
  track.kind = "audio";
  track.codec = "opus";
  track.clock_rate = 48000;
  track.channels = 2;
  track.payload_type = kAudio;
  return track;
}

// Gives a packet a header extension of 1 to 3 bytes (RFC 8285, one-byte form).
void extend(std::vector<uint8_t>& packet, uint8_t id, std::string_view value) {
  ByteWriter extension;
  extension.u16(0xbede);
  extension.u16(1);
  extension.u8(static_cast<uint8_t>(id << 4 | (value.size() - 1)));
  extension.text(value);
  extension.zeros(3 - value.size());
  packet[0] |= 0x10;
  const Bytes bytes = extension.view();
  packet.insert(packet.begin() + rtp::kHeaderSize, bytes.begin(), bytes.end());
}

// A publisher's source: makes the packets of one unit after the other.
struct Source {
  Source(std::string name, uint8_t payload_type, uint32_t ssrc, std::string layer = {})
      : codec(std::move(name)), rid(std::move(layer)), sender([&] {
          rtp::SenderOptions options;
          options.ssrc = ssrc;
          options.payload_type = payload_type;
          options.rtx_payload_type = kRtx;
          options.rtx_ssrc = ssrc + 1000;
          return options;
        }()) {}

  using Packets = std::vector<std::vector<uint8_t>>;
  Packets unit(bool key, uint32_t timestamp, Nanoseconds now) {
    const auto packetiser = rtp::make_packetiser(codec, rtp_media::config_of(codec));
    Packets out;
    const auto payloads = std::make_shared<const rtp::Payloads>(
        packetiser->packetise(rtp_media::unit_of(codec, key, 3000, ++made), key));
    for (size_t i = 0; i < payloads->size(); ++i) {
      out.emplace_back();
      sender.send(payloads, i, timestamp, now, out.back());
      if (!rid.empty()) name_layer(out.back());
    }
    return out;
  }
  void name_layer(std::vector<uint8_t>& packet) const { extend(packet, kRidId, rid); }
  std::string codec, rid;
  rtp::Sender sender;
  unsigned made = 0;
};

struct Bench {
  explicit Bench(std::vector<webrtc::Track> tracks) {
    RtpMedia::Handlers handlers;
    handlers.media = [this](rtmp::Media one, int64_t dts) {
      media.push_back(std::move(one));
      times.push_back(dts);
    };
    handlers.feedback = [this](Bytes rtcp) {
      CHECK(rtcp.size() % 4 == 0);
      CHECK(rtcp[1] == 201);  // compound: a report first
      for (auto& one : rtp::parse_rtcp(rtcp)) said.push_back(std::move(one));
    };
    handlers.refuse = [this](const std::string& text) { refused = text; };
    handlers.bye = [this] { ++byes; };
    rtp.emplace(std::move(tracks), RtpMedia::Options{}, std::move(handlers));
  }
  void send(const Source::Packets& packets, size_t skip = SIZE_MAX) {
    for (size_t i = 0; i < packets.size(); ++i)
      if (i != skip) rtp->rtp(packets[i], now);
  }
  // Time passes as it does for the server.
  void pass(Nanoseconds time) {
    for (const Nanoseconds until = now + time; now < until;) {
      now += 10ms;
      rtp->tick(now);
    }
  }
  template <typename Kind>
  size_t count() const {
    return static_cast<size_t>(std::count_if(said.begin(), said.end(), [](const auto& one) {
      return std::holds_alternative<Kind>(one);
    }));
  }
  size_t frames(bool key) const {
    return static_cast<size_t>(std::count_if(media.begin(), media.end(), [&](const auto& one) {
      return one.kind == rtmp::MediaKind::kVideo && one.packet == rtmp::PacketType::kFrame &&
             one.keyframe == key;
    }));
  }
  Nanoseconds now = 10s;
  std::vector<rtmp::Media> media;
  std::vector<int64_t> times;
  std::vector<rtp::Rtcp> said;
  std::string refused;
  int byes = 0;
  std::optional<RtpMedia> rtp;
};

}  // namespace

TEST_CASE("rtp media: arrivals are told ten times a second, instead of a bit rate") {
  webrtc::Track track = video();
  track.transport_cc = true;
  track.transport_sequence_extension = 5;
  track.remb = false;
  Bench bench({track});
  Source pictures("h264", kVideo, 5);
  uint16_t number = 65500;
  size_t sent = 0;
  for (uint32_t i = 0; i < 60; ++i) {
    for (auto& packet : pictures.unit(i == 0, i * 3000, bench.now)) {
      const uint16_t its = number++;
      if (its % 10 == 7) continue;  // lost on the way
      const char text[] = {static_cast<char>(its >> 8), static_cast<char>(its)};
      extend(packet, 5, {text, 2});
      bench.send({packet});
      ++sent;
    }
    bench.pass(30ms);
  }
  bench.pass(100ms);
  CHECK(bench.count<rtp::Remb>() == 0);
  CHECK(bench.count<rtp::TransportFeedback>() >= 17);
  CHECK(bench.count<rtp::TransportFeedback>() <= 20);
  size_t received = 0, missing = 0;
  for (const auto& one : bench.said)
    if (const auto* feedback = std::get_if<rtp::TransportFeedback>(&one)) {
      CHECK(feedback->media == 5);
      for (const auto& delta : feedback->deltas) ++(delta ? received : missing);
    }
  CHECK(received == sent);
  CHECK(missing >= sent / 10 - 2);
  CHECK(bench.rtp->link().bandwidth_bps == 0);
}

TEST_CASE("rtp media: pictures and sound, with their configuration before them") {
  Bench bench({video(), audio()});
  Source pictures("h264", kVideo, 5), sound("opus", kAudio, 6);
  for (uint32_t i = 0; i < 60; ++i) {
    bench.send(pictures.unit(i == 0, 7000 + i * 3000, bench.now));
    bench.send(sound.unit(true, 90 + i * 1600, bench.now));
    bench.pass(30ms);
  }
  CHECK(bench.media[0].packet == rtmp::PacketType::kConfig);
  CHECK(bench.media[0].codec == "h264");
  CHECK(bench.media[1].keyframe);
  CHECK(bench.frames(false) == 59);
  int64_t last_picture = -1, last_sound = -1;
  for (size_t i = 0; i < bench.media.size(); ++i) {
    if (bench.media[i].packet != rtmp::PacketType::kFrame) continue;
    int64_t& last = bench.media[i].kind == rtmp::MediaKind::kVideo ? last_picture : last_sound;
    CHECK(bench.times[i] > last);
    if (last >= 0) CHECK(std::abs(bench.times[i] - last - 3000) <= 60);
    last = bench.times[i];
  }
  CHECK(bench.count<rtp::Description>() >= 1);
  CHECK(bench.count<rtp::Remb>() >= 3);
  CHECK(bench.count<rtp::Nack>() == 0);
  for (const auto& one : bench.said)
    if (const auto* report = std::get_if<rtp::ReceiverReport>(&one);
        report && !report->blocks.empty())
      CHECK(report->blocks.size() == 2);
  CHECK(bench.rtp->link().received_packets > 100);
  CHECK(bench.rtp->link().receive_bps > 100'000);
}

TEST_CASE("rtp media: a key frame is asked for until it comes, and again for who joins") {
  Bench bench({video()});
  Source pictures("h264", kVideo, 5);
  bench.send(pictures.unit(false, 0, bench.now));
  bench.pass(1100ms);
  CHECK(bench.media.empty());
  CHECK(bench.count<rtp::Pli>() == 3);  // each 500 ms
  bench.send(pictures.unit(true, 3000, bench.now));
  bench.pass(1500ms);
  CHECK(bench.count<rtp::Pli>() == 3);
  bench.pass(700ms);
  CHECK(bench.count<rtp::Pli>() == 4);
}

TEST_CASE("rtp media: what is lost") {
  Bench bench({video()});
  Source pictures("h264", kVideo, 5);
  bench.send(pictures.unit(true, 0, bench.now));
  bench.pass(20ms);
  const auto holed = pictures.unit(false, 3000, bench.now);
  REQUIRE(holed.size() >= 3);
  bench.send(holed, 1);
  bench.send(pictures.unit(false, 6000, bench.now));
  CHECK(bench.count<rtp::Nack>() == 1);  // at once
  bench.pass(20ms);
  CHECK(bench.count<rtp::Nack>() == 1);
  CHECK(bench.frames(false) == 0);
  const auto* nack = std::get_if<rtp::Nack>(&bench.said.back());
  SUBCASE("comes again by RTX: nothing is missing") {
    for (const auto& one : bench.said)
      if (std::holds_alternative<rtp::Nack>(one)) nack = &std::get<rtp::Nack>(one);
    REQUIRE(nack);
    std::vector<uint8_t> again;
    REQUIRE(pictures.sender.resend(nack->sequences.at(0), bench.now, again));
    bench.rtp->rtp(again, bench.now);
    CHECK(bench.frames(false) == 2);
    CHECK(std::none_of(bench.media.begin(), bench.media.end(),
                       [](const auto& one) { return one.discontinuity; }));
    CHECK(bench.rtp->link().retransmitted_packets == 1);
    CHECK(bench.rtp->link().dropped_packets == 0);
  }
  SUBCASE("never comes: no picture that builds on it leaves, the next key frame marks the hole") {
    const size_t asked = bench.count<rtp::Pli>();
    bench.pass(400ms);
    bench.send(pictures.unit(false, 9000, bench.now));
    bench.pass(100ms);
    CHECK(bench.frames(false) == 0);
    CHECK(bench.count<rtp::Pli>() > asked);
    bench.send(pictures.unit(true, 60000, bench.now));
    bench.send(pictures.unit(false, 63000, bench.now));
    CHECK(bench.frames(true) == 2);
    CHECK(bench.frames(false) == 1);
    CHECK(bench.media[bench.media.size() - 2].discontinuity);
    CHECK_FALSE(bench.media.back().discontinuity);
    CHECK(bench.rtp->link().dropped_packets == 1);
  }
}

TEST_CASE("rtp media: of a simulcast the best layer that runs") {
  Bench bench({video({"h", "l"})});
  Source high("h264", kVideo, 5, "h"), low("h264", kVideo, 6, "l");
  uint32_t timestamp = 0;
  for (int i = 0; i < 10; ++i, timestamp += 3000) {
    bench.send(low.unit(i == 0, timestamp, bench.now));
    bench.send(high.unit(i == 0, timestamp, bench.now));
    bench.pass(30ms);
  }
  CHECK(bench.frames(true) >= 1);
  const size_t before = bench.frames(false);
  CHECK(before >= 8);
  bench.said.clear();
  for (int i = 0; i < 50; ++i, timestamp += 3000) {  // the way is too narrow for the high one
    bench.send(low.unit(false, timestamp, bench.now));
    bench.pass(30ms);
  }
  CHECK(bench.frames(false) == before);
  REQUIRE(bench.count<rtp::Pli>() > 0);
  CHECK(std::any_of(bench.said.begin(), bench.said.end(), [](const auto& one) {
    const auto* pli = std::get_if<rtp::Pli>(&one);
    return pli && pli->media == 6;
  }));
  const size_t keys = bench.frames(true);
  bench.send(low.unit(true, timestamp, bench.now));
  bench.send(low.unit(false, timestamp + 3000, bench.now));
  CHECK(bench.frames(true) == keys + 1);
  CHECK(bench.frames(false) == before + 1);
  CHECK(std::is_sorted(bench.times.begin(), bench.times.end()));
}

TEST_CASE("rtp media: of a simulcast the larger layer, in whichever order they are offered") {
  Bench bench({video({"l", "h"})});
  Source high("h264", kVideo, 5, "h"), low("h264", kVideo, 6, "l");
  uint32_t timestamp = 0;
  int asked = 0;
  for (int i = 0; i < 150; ++i, timestamp += 3000) {
    const bool key = i == 0 || bench.count<rtp::Pli>() > 0;
    for (const auto& one : bench.said)
      if (const auto* pli = std::get_if<rtp::Pli>(&one)) asked += pli->media == 5;
    bench.said.clear();
    bench.send(low.unit(key, timestamp, bench.now));
    if (i < 30) {
      bench.pass(30ms);
      continue;
    }
    for (uint32_t part = 0; part < 3; ++part) {  // the way became wide enough for it
      bench.send(high.unit(part == 0 && (key || i == 30), timestamp + part * 900, bench.now));
      bench.pass(10ms);
    }
  }
  CHECK(bench.refused == "");
  CHECK(asked > 0);
  // Three units for one: the high layer is on air, from a key frame on.
  const auto frames = bench.frames(false) + bench.frames(true);
  CHECK(frames > 150 + 100);
  CHECK(std::is_sorted(bench.times.begin(), bench.times.end()));
}

TEST_CASE("rtp media: B-frames are refused in words") {
  Bench bench({video()});
  Source pictures("h264", kVideo, 5);
  bench.send(pictures.unit(true, 0, bench.now));
  for (uint32_t i = 1; i < 12; i += 3)
    for (const uint32_t shown : {i + 2, i, i + 1})
      bench.send(pictures.unit(false, shown * 3000, bench.now));
  CHECK(bench.refused.find("B-frames") != std::string::npos);
  const size_t taken = bench.media.size();
  bench.send(pictures.unit(true, 100000, bench.now));
  CHECK(bench.media.size() == taken);
}

TEST_CASE("rtp media: good-bye counts when it is of all") {
  Bench bench({video(), audio()});
  Source pictures("h264", kVideo, 5), sound("opus", kAudio, 6);
  bench.send(pictures.unit(true, 0, bench.now));
  bench.send(sound.unit(true, 0, bench.now));
  const auto say = [&](std::vector<uint32_t> ssrcs) {
    ByteWriter out;
    rtp::write_rtcp(out, rtp::Bye{std::move(ssrcs)});
    bench.rtp->rtcp(out.view(), bench.now);
  };
  say({7});
  say({5});
  CHECK(bench.byes == 0);
  say({6});
  CHECK(bench.byes == 1);
}

TEST_CASE("rtp media: what is nobody's, cut short, or too much") {
  Bench bench({video(), audio()});
  Source pictures("h264", kVideo, 5), stranger("h264", 40, 9);
  bench.send(stranger.unit(true, 0, bench.now));
  CHECK(bench.media.empty());
  for (const auto& packet : pictures.unit(true, 0, bench.now))
    for (size_t size = 0; size < packet.size(); ++size)
      bench.rtp->rtp(Bytes(packet).first(size), bench.now);
  // A source is replaced by the next one; after 64 that ends.
  for (uint32_t ssrc = 100; ssrc < 400; ++ssrc) {
    Source next("h264", kVideo, ssrc);
    bench.send(next.unit(true, ssrc * 3000, bench.now));
    bench.pass(10ms);
  }
  CHECK(bench.frames(true) <= 64);
  CHECK(bench.frames(true) > 30);
}
