// Access units of each codec to send through RTP: real parameter sets, arbitrary slices.
#pragma once
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "codec/avc.h"
#include "codec/hevc.h"
#include "rtp/depacketiser.h"
#include "rtp/packetiser.h"
#include "unit/codec/records.h"

namespace rtp_media {

using Vector = std::vector<uint8_t>;

inline const char* const kCodecs[] = {"h264", "hevc", "vp8", "vp9", "av1", "opus"};

inline Vector config_of(const std::string& codec) {
  if (codec == "h264") return records::hex(records::kAvcc);
  if (codec == "hevc") return records::hex(records::kHvcc);
  if (codec == "av1") return records::hex(records::kAv1c);
  return {};
}

inline Vector noise(size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Vector out(size);
  for (uint8_t& byte : out) byte = static_cast<uint8_t>(random() | 1);  // no start codes
  return out;
}

inline void put_nal(stream::ByteWriter& out, const Vector& head, size_t size, unsigned seed) {
  out.u32(static_cast<uint32_t>(head.size() + size));
  out.bytes(head);
  out.bytes(noise(size, seed));
}

// About `size` bytes; as a sample of ISO BMFF, without parameter sets.
inline Vector unit_of(const std::string& codec, bool key, size_t size, unsigned seed) {
  stream::ByteWriter out;
  if (codec == "h264") {  // two slices; the bit after the head is first_mb_in_slice 0
    put_nal(out, {static_cast<uint8_t>(key ? 0x65 : 0x41), 0x88}, size / 2, seed);
    put_nal(out, {static_cast<uint8_t>(key ? 0x65 : 0x41), 0x48}, size / 2, seed + 1);
  } else if (codec == "hevc") {
    put_nal(out, {static_cast<uint8_t>(key ? 19 << 1 : 1 << 1), 1, 0x80}, size / 2, seed);
    put_nal(out, {static_cast<uint8_t>(key ? 19 << 1 : 1 << 1), 1, 0x40}, size / 2, seed + 1);
  } else if (codec == "vp8") {
    if (key)
      out.bytes(Vector{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 2, 0x68, 1});
    else
      out.bytes(Vector{0x11, 0, 0});
    out.bytes(noise(size, seed));
  } else if (codec == "vp9") {
    out.bytes(key ? records::hex(records::kVp9Frame) : Vector{0x86});
    out.bytes(noise(size, seed));
  } else if (codec == "av1") {
    const Vector body = noise(size, seed);
    if (key) out.bytes(stream::Bytes(config_of("av1")).subspan(4));
    out.u8(0x32);  // a frame with its size
    for (size_t n = size + 1;
         out.u8(static_cast<uint8_t>((n & 0x7f) | (n >= 0x80 ? 0x80 : 0))), n >= 0x80;)
      n >>= 7;
    out.u8(key ? 0x10 : 0x30);
    out.bytes(body);
  } else {
    out.bytes(noise(size, seed));
  }
  return out.take();
}

inline stream::rtp::Packet packet_of(const stream::rtp::Payload& payload, uint16_t sequence,
                                     uint32_t timestamp) {
  stream::rtp::Packet packet;
  packet.payload = payload.data;
  packet.marker = payload.marker;
  packet.sequence = sequence;
  packet.timestamp = timestamp;
  return packet;
}

}  // namespace rtp_media
