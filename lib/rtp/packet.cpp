#include "rtp/packet.h"

#include "base/bytes.h"

namespace stream::rtp {

std::optional<Packet> parse_packet(Bytes bytes) {
  ByteReader reader(bytes);
  const uint8_t first = reader.u8(), second = reader.u8();
  Packet packet;
  packet.marker = second & 0x80;
  packet.payload_type = second & 0x7f;
  packet.sequence = reader.u16();
  packet.timestamp = reader.u32();
  packet.ssrc = reader.u32();
  reader.skip(size_t{4} * (first & 15));  // contributing sources
  if (first & 0x10) {
    packet.extension_profile = reader.u16();
    packet.extensions = reader.bytes(size_t{4} * reader.u16());
  }
  if (!reader.ok() || first >> 6 != 2) return std::nullopt;
  packet.payload = reader.rest();
  if (first & 0x20) {  // padding; its last byte counts itself
    if (packet.payload.empty()) return std::nullopt;
    const size_t padding = packet.payload.back();
    if (padding == 0 || padding > packet.payload.size()) return std::nullopt;
    packet.payload = packet.payload.first(packet.payload.size() - padding);
  }
  return packet;
}

std::optional<Bytes> Packet::extension(uint8_t id) const {
  const bool two_byte = (extension_profile & 0xfff0) == 0x1000;
  if (!two_byte && extension_profile != 0xbede) return std::nullopt;
  ByteReader reader(extensions);
  while (reader.remaining() > 0) {
    const uint8_t head = reader.u8();
    if (head == 0) continue;  // padding
    uint8_t its_id = head;
    size_t size = 0;
    if (two_byte) {
      size = reader.u8();
    } else {
      its_id = head >> 4;
      size = (head & 15u) + 1;
      if (its_id == 15) return std::nullopt;  // RFC 8285 4.2: stop here
    }
    const Bytes value = reader.bytes(size);
    if (!reader.ok()) return std::nullopt;
    if (its_id == id) return value;
  }
  return std::nullopt;
}

void write_header(const Header& header, uint8_t* out) {
  out[0] = 0x80;
  out[1] = static_cast<uint8_t>((header.marker ? 0x80 : 0) | (header.payload_type & 0x7f));
  out[2] = static_cast<uint8_t>(header.sequence >> 8);
  out[3] = static_cast<uint8_t>(header.sequence);
  for (int i = 0; i < 4; ++i) {
    out[4 + i] = static_cast<uint8_t>(header.timestamp >> (24 - 8 * i));
    out[8 + i] = static_cast<uint8_t>(header.ssrc >> (24 - 8 * i));
  }
}

}  // namespace stream::rtp
