#include "codec/av1.h"

#include <cstdio>

#include "base/bytes.h"
#include "codec/bits.h"

namespace stream::codec {

namespace {

constexpr int kObuSequenceHeader = 1;

struct Av1Sequence {
  int profile = 0, level = 0, tier = 0;
  int bit_depth = 8;
  bool monochrome = false;
  int subsampling_x = 1, subsampling_y = 1, sample_position = 0;
  int width = 0, height = 0;
  Rational frame_rate{0, 1};
  Colour colour;
};

std::optional<uint64_t> leb128(ByteReader& reader) {  // AV1 4.10.5
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) {
    const uint8_t byte = reader.u8();
    value |= static_cast<uint64_t>(byte & 0x7f) << (7 * i);
    if (!(byte & 0x80)) return reader.ok() ? std::optional(value) : std::nullopt;
  }
  return std::nullopt;
}

uint32_t uvlc(BitReader& bits) {
  return bits.ue();
}  // the same code as Exp-Golomb below 32 zeros

// The payload of the first sequence header, and the whole OBU for av1C.
struct Obu {
  Bytes whole, payload;
};

std::optional<Obu> find_sequence_header(Bytes obus) {
  ByteReader reader(obus);
  while (reader.remaining() > 0) {
    const size_t begin = reader.position();
    const uint8_t header = reader.u8();
    if (header & 0x80) return std::nullopt;  // obu_forbidden_bit
    if (header & 0x04) reader.u8();          // extension
    uint64_t size = reader.remaining();
    if (header & 0x02) {
      const auto coded = leb128(reader);
      if (!coded) return std::nullopt;
      size = *coded;
    }
    if (size > reader.remaining()) return std::nullopt;
    const Bytes payload = reader.bytes(static_cast<size_t>(size));
    if ((header >> 3 & 15) == kObuSequenceHeader) {
      return Obu{obus.subspan(begin, reader.position() - begin), payload};
    }
  }
  return std::nullopt;
}

void parse_timing(BitReader& bits, Av1Sequence& s, bool& decoder_model, unsigned& delay_bits) {
  const auto tick = static_cast<int64_t>(bits.bits(32));
  const auto scale = static_cast<int64_t>(bits.bits(32));
  int64_t ticks_per_picture = 0;
  if (bits.flag()) ticks_per_picture = int64_t{uvlc(bits)} + 1;
  if (tick > 0 && scale > 0 && ticks_per_picture > 0 && ticks_per_picture < INT32_MAX) {
    s.frame_rate = {scale, tick * ticks_per_picture};
  }
  decoder_model = bits.flag();
  if (decoder_model) {
    delay_bits = static_cast<unsigned>(bits.bits(5)) + 1;
    bits.skip(32 + 10);
  }
}

void parse_operating_points(BitReader& bits, Av1Sequence& s) {
  bool decoder_model = false;
  unsigned delay_bits = 0;
  if (bits.flag()) parse_timing(bits, s, decoder_model, delay_bits);
  const bool display_delay = bits.flag();
  const auto points = bits.bits(5);
  for (uint64_t i = 0; i <= points && bits.ok(); ++i) {
    bits.skip(12);
    const int level = static_cast<int>(bits.bits(5));
    const int tier = level > 7 ? static_cast<int>(bits.bits(1)) : 0;
    if (decoder_model && bits.flag()) bits.skip(2 * delay_bits + 1);
    if (display_delay && bits.flag()) bits.skip(4);
    if (i == 0) {
      s.level = level;
      s.tier = tier;
    }
  }
}

void skip_tools(BitReader& bits) {  // after the frame size, of a full header
  bits.skip(4);                     // interintra, masked, warped, dual_filter
  const bool order_hint = bits.flag();
  if (order_hint) bits.skip(2);
  int screen_content = 2;
  if (!bits.flag()) screen_content = static_cast<int>(bits.bits(1));
  if (screen_content > 0 && !bits.flag()) bits.skip(1);
  if (order_hint) bits.skip(3);
}

void parse_colour(BitReader& bits, Av1Sequence& s) {  // 5.5.2
  const bool high = bits.flag();
  s.bit_depth = high ? 10 : 8;
  if (s.profile == 2 && high && bits.flag()) s.bit_depth = 12;
  if (s.profile != 1) s.monochrome = bits.flag();
  if (bits.flag()) {
    s.colour.primaries = static_cast<uint8_t>(bits.bits(8));
    s.colour.transfer = static_cast<uint8_t>(bits.bits(8));
    s.colour.matrix = static_cast<uint8_t>(bits.bits(8));
  }
  if (s.monochrome) {
    s.colour.full_range = bits.flag();
    return;
  }
  if (s.colour.primaries == 1 && s.colour.transfer == 13 && s.colour.matrix == 0) {  // sRGB
    s.colour.full_range = true;
    s.subsampling_x = s.subsampling_y = 0;
    return;
  }
  s.colour.full_range = bits.flag();
  if (s.profile == 1) {
    s.subsampling_x = s.subsampling_y = 0;
  } else if (s.profile == 2) {
    s.subsampling_x = 1;
    s.subsampling_y = 0;
    if (s.bit_depth == 12) {
      s.subsampling_x = static_cast<int>(bits.bits(1));
      if (s.subsampling_x) s.subsampling_y = static_cast<int>(bits.bits(1));
    }
  }
  if (s.subsampling_x && s.subsampling_y) s.sample_position = static_cast<int>(bits.bits(2));
}

std::optional<Av1Sequence> parse_sequence(Bytes payload) {  // 5.5.1
  BitReader bits(payload);
  Av1Sequence s;
  s.profile = static_cast<int>(bits.bits(3));
  if (s.profile > 2) return std::nullopt;
  bits.flag();  // still_picture
  const bool reduced = bits.flag();
  if (reduced) {
    s.level = static_cast<int>(bits.bits(5));
  } else {
    parse_operating_points(bits, s);
  }
  const auto width_bits = static_cast<unsigned>(bits.bits(4)) + 1;
  const auto height_bits = static_cast<unsigned>(bits.bits(4)) + 1;
  s.width = static_cast<int>(bits.bits(width_bits)) + 1;
  s.height = static_cast<int>(bits.bits(height_bits)) + 1;
  if (!reduced && bits.flag()) bits.skip(4 + 3);  // frame ids
  bits.skip(3);  // 128x128 superblock, filter_intra, intra_edge_filter
  if (!reduced) skip_tools(bits);
  bits.skip(3);  // superres, cdef, restoration
  parse_colour(bits, s);
  if (!bits.ok()) return std::nullopt;
  return s;
}

Description to_description(const Av1Sequence& s) {
  Description d;
  d.codec = "av1";
  char text[32];
  std::snprintf(text, sizeof text, "av01.%d.%02d%c.%02d", s.profile, s.level, s.tier ? 'H' : 'M',
                s.bit_depth);
  d.rfc6381 = text;
  d.profile = s.profile;
  d.level = s.level;
  d.width = s.width;
  d.height = s.height;
  d.bit_depth = s.bit_depth;
  d.frame_rate = s.frame_rate;
  d.reorder_frames = 0;  // a temporal unit shows one frame
  d.colour = s.colour;
  return d;
}

std::vector<uint8_t> build_av1c(const Av1Sequence& s, Bytes sequence_header) {
  ByteWriter out;
  out.u8(0x81);
  out.u8(static_cast<uint8_t>(s.profile << 5 | s.level));
  out.u8(static_cast<uint8_t>(s.tier << 7 | (s.bit_depth > 8) << 6 | (s.bit_depth == 12) << 5 |
                              s.monochrome << 4 | s.subsampling_x << 3 | s.subsampling_y << 2 |
                              s.sample_position));
  out.u8(0);
  out.bytes(sequence_header);
  return out.take();
}

}  // namespace

std::optional<Description> describe_av1(Bytes extradata) {
  if (extradata.empty()) {
    Description d;
    d.codec = "av1";
    d.rfc6381 = "av01.0.08M.08";
    return d;
  }
  if (extradata[0] != 0x81) {
    const auto obu = find_sequence_header(extradata);
    if (!obu) return std::nullopt;
    const auto s = parse_sequence(obu->payload);
    if (!s) return std::nullopt;
    Description d = to_description(*s);
    d.config = build_av1c(*s, obu->whole);
    return d;
  }
  ByteReader reader(extradata);
  reader.u8();
  Av1Sequence s;
  const uint8_t first = reader.u8(), second = reader.u8();
  reader.u8();
  if (!reader.ok()) return std::nullopt;
  s.profile = first >> 5;
  s.level = first & 31;
  s.tier = second >> 7;
  s.bit_depth = second & 0x20 ? 12 : second & 0x40 ? 10 : 8;
  const Bytes obus = reader.rest();
  if (!obus.empty()) {
    const auto obu = find_sequence_header(obus);
    if (!obu) return std::nullopt;
    const auto parsed = parse_sequence(obu->payload);
    if (!parsed) return std::nullopt;
    s = *parsed;
  }
  Description d = to_description(s);
  d.config.assign(extradata.begin(), extradata.end());
  return d;
}

namespace {

Description vp9_description(int profile, int level, int depth, int chroma, Colour colour) {
  Description d;
  d.codec = "vp9";
  char text[32];
  std::snprintf(text, sizeof text, "vp09.%02d.%02d.%02d", profile, level ? level : 10, depth);
  d.rfc6381 = text;
  d.profile = profile;
  d.level = level;
  d.bit_depth = depth;
  d.reorder_frames = 0;
  d.colour = colour;
  ByteWriter out;
  out.u8(static_cast<uint8_t>(profile));
  out.u8(static_cast<uint8_t>(level));
  out.u8(static_cast<uint8_t>(depth << 4 | chroma << 1 | (colour.full_range ? 1 : 0)));
  out.u8(colour.primaries);
  out.u8(colour.transfer);
  out.u8(colour.matrix);
  out.u16(0);  // codecInitializationDataSize: always 0 for VP9
  d.config = out.take();
  return d;
}

}  // namespace

std::optional<Description> describe_vp9(Bytes extradata) {
  if (extradata.empty()) return vp9_description(0, 0, 8, 1, {});
  ByteReader reader(extradata);
  if (extradata.size() >= 12 && extradata[0] == 1 && extradata[1] == 0 && extradata[2] == 0 &&
      extradata[3] == 0) {
    reader.skip(4);  // the full box's version and flags; as a record it would have 0 bits of depth
  }
  const int profile = reader.u8(), level = reader.u8();
  const uint8_t format = reader.u8();
  Colour colour;
  colour.primaries = reader.u8();
  colour.transfer = reader.u8();
  colour.matrix = reader.u8();
  colour.full_range = format & 1;
  reader.skip(reader.u16());
  const int depth = format >> 4;
  if (!reader.ok() || profile > 3 || (depth != 8 && depth != 10 && depth != 12))
    return std::nullopt;
  return vp9_description(profile, level, depth, format >> 1 & 7, colour);
}

std::optional<Description> describe_vp9_frame(Bytes frame) {
  BitReader bits(frame);
  if (bits.bits(2) != 2) return std::nullopt;  // frame_marker
  const bool low = bits.flag(), high = bits.flag();
  const int profile = high * 2 + low;
  if (profile == 3 && bits.flag()) return std::nullopt;
  if (bits.flag() || bits.flag()) return std::nullopt;  // show_existing_frame; not a keyframe
  bits.skip(2);
  if (bits.bits(24) != 0x498342) return std::nullopt;  // sync code
  int depth = 8;
  if (profile >= 2) depth = bits.flag() ? 12 : 10;
  static constexpr uint8_t kMatrix[] = {2, 5, 1, 6, 7, 9, 2, 0};  // color_space to 23091-2
  const auto space = bits.bits(3);
  Colour colour;
  int chroma = 1;
  colour.matrix = kMatrix[space];
  if (space != 7) {
    colour.full_range = bits.flag();
    if (profile & 1) {
      const bool x = bits.flag(), y = bits.flag();
      bits.skip(1);
      chroma = x ? (y ? 1 : 2) : 3;
    }
  } else {
    colour.full_range = true;
    chroma = 3;
    if (profile & 1) bits.skip(1);
  }
  const int width = static_cast<int>(bits.bits(16)) + 1,
            height = static_cast<int>(bits.bits(16)) + 1;
  if (!bits.ok()) return std::nullopt;
  Description d = vp9_description(profile, 0, depth, chroma, colour);
  d.width = width;
  d.height = height;
  return d;
}

}  // namespace stream::codec
