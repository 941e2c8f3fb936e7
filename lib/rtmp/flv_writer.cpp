#include "rtmp/flv_writer.h"

#include <algorithm>
#include <cassert>

namespace stream::rtmp {
namespace {

// FLV 10.1 annex E.4; Enhanced RTMP v2 "Enhanced Video" and "Enhanced Audio".
constexpr uint8_t kEnhancedVideo = 0x80, kEnhancedAudio = 0x90;
constexpr uint8_t kKeyFrame = 1, kInterFrame = 2, kAvc = 7;
constexpr uint8_t kAacHead = 0xAF, kMp3Head = 0x2F;  // 44.1 kHz, 16 bits, stereo: fixed for AAC

uint8_t packet_number(PacketType packet) {
  assert(packet != PacketType::kMultichannel);
  if (packet == PacketType::kConfig) return kSequenceStart;
  return packet == PacketType::kFrame ? kCodedFrames : kSequenceEnd;
}

void put(TagHead& head, uint32_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    head.u8(static_cast<uint8_t>(value >> shift));
}

void put_composition(TagHead& head, int32_t milliseconds) {
  put(head, static_cast<uint32_t>(std::clamp(milliseconds, -0x800000, 0x7FFFFF)) & 0xFFFFFF, 3);
}

}  // namespace

bool is_enhanced(MediaKind kind, std::string_view codec) {
  return kind == MediaKind::kVideo ? codec != "h264" : codec != "aac" && codec != "mp3";
}

bool is_sendable(MediaKind kind, std::string_view codec) {
  return fourcc_of(kind, codec) != 0;
}

bool has_config(MediaKind kind, std::string_view codec) {
  if (kind == MediaKind::kVideo) return codec != "vp8";
  return codec != "mp3" && codec != "ac3" && codec != "eac3";
}

TagHead video_head(std::string_view codec, PacketType packet, bool keyframe,
                   int32_t composition_ms) {
  TagHead head;
  const uint8_t frame = keyframe || packet != PacketType::kFrame ? kKeyFrame : kInterFrame;
  uint8_t number = packet_number(packet);
  if (!is_enhanced(MediaKind::kVideo, codec)) {
    head.u8(static_cast<uint8_t>(frame << 4 | kAvc));
    head.u8(number);
    put_composition(head, packet == PacketType::kFrame ? composition_ms : 0);
    return head;
  }
  const bool composed = codec == "hevc" || codec == "vvc";
  if (composed && number == kCodedFrames && composition_ms == 0) number = kVideoCodedFramesX;
  head.u8(static_cast<uint8_t>(kEnhancedVideo | frame << 4 | number));
  put(head, fourcc_of(MediaKind::kVideo, codec), 4);
  if (composed && number == kCodedFrames) put_composition(head, composition_ms);
  return head;
}

TagHead audio_head(std::string_view codec, PacketType packet) {
  TagHead head;
  const uint8_t number = packet_number(packet);
  if (codec == "aac") {
    head.u8(kAacHead);
    head.u8(number);
  } else if (codec == "mp3") {
    head.u8(kMp3Head);
  } else {
    head.u8(kEnhancedAudio | number);
    put(head, fourcc_of(MediaKind::kAudio, codec), 4);
  }
  return head;
}

}  // namespace stream::rtmp
