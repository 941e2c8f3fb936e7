#include "srt/srtla.h"

#include <algorithm>

#include "base/bytes.h"

namespace stream::srt {
namespace {

constexpr uint16_t kKeepalive = 0x9000, kAck = 0x9100, kReg1 = 0x9200, kReg2 = 0x9201;
constexpr uint16_t kOwnFirst = 0x9000, kOwnLast = 0x9FFF;  // of which no packet is SRT's
constexpr size_t kSrtHeader = 16;
constexpr uint16_t kSrtAck = 0x8002;
constexpr uint32_t kControl = 1u << 31;

}  // namespace

std::optional<SrtlaPacket> parse_srtla(Bytes packet) {
  ByteReader reader(packet);
  const uint16_t type = reader.u16();
  if (!reader.ok()) return std::nullopt;
  SrtlaPacket parsed;
  if (type == kKeepalive) {
    parsed.kind = SrtlaPacket::Kind::kKeepalive;
    return parsed;
  }
  if (type == kReg1 || type == kReg2) {
    if (reader.remaining() != kSrtlaId) return std::nullopt;
    parsed.kind = type == kReg1 ? SrtlaPacket::Kind::kNewGroup : SrtlaPacket::Kind::kJoin;
    const Bytes id = reader.bytes(kSrtlaId);
    std::copy(id.begin(), id.end(), parsed.id.begin());
    return parsed;
  }
  if ((type >= kOwnFirst && type <= kOwnLast) || packet.size() < kSrtHeader) return std::nullopt;
  parsed.kind = SrtlaPacket::Kind::kSrt;
  const uint32_t word = ByteReader(packet).u32();
  if ((word & kControl) == 0) parsed.sequence = word;
  return parsed;
}

std::vector<uint8_t> srtla_reply(SrtlaReply reply) {
  ByteWriter out;
  out.u16(static_cast<uint16_t>(reply));
  return out.take();
}

std::vector<uint8_t> srtla_group(const SrtlaId& id) {
  ByteWriter out;
  out.u16(kReg2);
  out.bytes(id);
  return out.take();
}

std::vector<uint8_t> srtla_ack(std::span<const uint32_t> sequences) {
  ByteWriter out;
  out.u16(kAck);
  out.u16(0);
  for (const uint32_t sequence : sequences) out.u32(sequence);
  return out.take();
}

bool is_srt_ack(Bytes packet) {
  ByteReader reader(packet);
  return packet.size() >= kSrtHeader && reader.u16() == kSrtAck;
}

}  // namespace stream::srt
