#include "rtp/red.h"

namespace stream::rtp {

std::optional<Red> parse_red(const Packet& packet) {
  Red red;
  Bytes rest = packet.payload;
  std::array<size_t, kMostSpares> sizes{};
  while (!rest.empty() && (rest[0] & 0x80) != 0) {
    if (rest.size() < 4 || red.count == kMostSpares) return std::nullopt;
    Packet& spare = red.spares[red.count];
    spare = packet;
    spare.marker = false;
    spare.payload_type = rest[0] & 0x7f;
    spare.timestamp = packet.timestamp - static_cast<uint32_t>(rest[1] << 6 | rest[2] >> 2);
    sizes[red.count++] = static_cast<size_t>((rest[2] & 3) << 8 | rest[3]);
    rest = rest.subspan(4);
  }
  if (rest.empty()) return std::nullopt;
  red.own = packet;
  red.own.payload_type = rest[0];
  rest = rest.subspan(1);
  for (size_t i = 0; i < red.count; ++i) {
    Packet& spare = red.spares[i];
    if (sizes[i] > rest.size() || spare.payload_type != red.own.payload_type) return std::nullopt;
    spare.sequence = static_cast<uint16_t>(packet.sequence - (red.count - i));
    spare.payload = rest.subspan(0, sizes[i]);
    rest = rest.subspan(sizes[i]);
  }
  red.own.payload = rest;
  return red;
}

}  // namespace stream::rtp
