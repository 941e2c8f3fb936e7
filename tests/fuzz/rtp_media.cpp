// A WebRTC publisher's packets, RTP or RTCP, with two bytes of length before each: a simulcast of
// two layers with RTX, and sound. Times of a track never run back, and what is said stays small.
#include <algorithm>
#include <cstdlib>

#include "ingest/rtp_media.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stream;
  webrtc::Track video, audio;
  video.kind = "video";
  video.codec = "h264";
  video.payload_type = 96;
  video.rtx_payload_type = 97;
  video.nack = video.pli = video.remb = video.transport_cc = true;
  video.transport_sequence_extension = 5;
  video.rids = {"h", "l"};
  video.rid_extension = 3;
  video.repaired_rid_extension = 4;
  audio.kind = "audio";
  audio.codec = "opus";
  audio.clock_rate = 48000;
  audio.payload_type = 111;
  audio.red_payload_type = 63;
  bool over = false;
  int64_t last[2] = {INT64_MIN, INT64_MIN};
  media::RtpMedia::Handlers handlers;
  handlers.media = [&](rtmp::Media one, int64_t dts) {
    if (over || one.payload.empty()) abort();
    if (one.packet != rtmp::PacketType::kFrame) return;
    int64_t& before = last[one.kind == rtmp::MediaKind::kVideo];
    if (dts <= before) abort();
    before = dts;
  };
  handlers.feedback = [](Bytes rtcp) {
    if (rtcp.empty() || rtcp.size() > 1200) abort();
  };
  handlers.refuse = [&](const std::string&) { over = true; };
  handlers.bye = [&] { over = true; };
  media::RtpMedia rtp({video, audio}, {}, std::move(handlers));
  Bytes rest(data, size);
  Nanoseconds now{0};
  while (rest.size() >= 2) {
    const size_t length = std::min<size_t>(rest[0] << 8 | rest[1], rest.size() - 2);
    const Bytes packet = rest.subspan(2, length);
    rest = rest.subspan(2 + length);
    now += std::chrono::milliseconds(7);
    rtp::is_rtcp(packet) ? rtp.rtcp(packet, now) : rtp.rtp(packet, now);
    rtp.tick(now);
  }
  return 0;
}
