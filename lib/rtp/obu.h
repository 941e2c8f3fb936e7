// AV1 open bitstream units (AV1 5.3) as far as RTP needs them. Pure; spans point into the caller's
// bytes.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace stream::rtp {

inline constexpr int kObuSequenceHeader = 1, kObuTemporalDelimiter = 2, kObuFrameHeader = 3,
                     kObuFrame = 6, kObuTileList = 8, kObuPadding = 15;

// Z, Y and N of the aggregation header (AV1 RTP 4.4).
inline constexpr uint8_t kObuContinues = 0x80, kObuGoesOn = 0x40, kObuNewSequence = 0x08;

struct Obu {
  int type = 0;
  uint8_t header = 0, extension = 0;  // as they came
  bool extended = false;
  Bytes payload;

  // Not to be sent over RTP (AV1 RTP 5): what a receiver makes itself or has no use for.
  bool left_out() const {
    return type == kObuTemporalDelimiter || type == kObuTileList || type == kObuPadding;
  }
  // A frame header that says so (AV1 5.9.2); false for any other unit.
  bool is_key_frame() const {
    return (type == kObuFrameHeader || type == kObuFrame) && !payload.empty() &&
           (payload[0] & 0xe0) == 0;
  }
};

inline std::optional<uint64_t> read_leb128(ByteReader& reader) {  // AV1 4.10.5
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) {
    const uint8_t byte = reader.u8();
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (!(byte & 0x80)) return reader.ok() ? std::optional(value) : std::nullopt;
  }
  return std::nullopt;
}

inline void write_leb128(ByteWriter& out, uint64_t value) {
  while (value >= 0x80) {
    out.u8(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  out.u8(static_cast<uint8_t>(value));
}

// The next unit; one without a size takes all that is left. nullopt: damaged.
inline std::optional<Obu> read_obu(ByteReader& reader) {
  Obu obu;
  obu.header = reader.u8();
  obu.type = obu.header >> 3 & 15;
  obu.extended = obu.header & 4;
  if (obu.extended) obu.extension = reader.u8();
  std::optional<uint64_t> size = reader.remaining();
  if (obu.header & 2) size = read_leb128(reader);
  if (!reader.ok() || obu.header & 0x80 || !size || *size > reader.remaining()) return std::nullopt;
  obu.payload = reader.bytes(static_cast<size_t>(*size));
  return obu;
}

inline void write_obu(ByteWriter& out, const Obu& obu, bool with_size) {
  out.u8(static_cast<uint8_t>(with_size ? obu.header | 2 : obu.header & ~2));
  if (obu.extended) out.u8(obu.extension);
  if (with_size) write_leb128(out, obu.payload.size());
  out.bytes(obu.payload);
}

}  // namespace stream::rtp
