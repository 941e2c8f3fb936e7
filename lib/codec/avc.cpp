#include "codec/avc.h"

#include <cstdio>

#include "base/bytes.h"
#include "codec/bits.h"
#include "codec/nal.h"
#include "codec/vui.h"

namespace stream::codec {

namespace {

constexpr int kMaxAvcSide = 16384;  // level 6.2 stays below this

bool has_chroma_info(int profile) {  // H.264 7.3.2.1.1
  switch (profile) {
    case 100:
    case 110:
    case 122:
    case 244:
    case 44:
    case 83:
    case 86:
    case 118:
    case 128:
    case 138:
    case 139:
    case 134:
    case 135:
      return true;
  }
  return false;
}

void skip_scaling_lists(BitReader& bits, int count) {
  for (int i = 0; i < count && bits.ok(); ++i) {
    if (!bits.flag()) continue;
    int last = 8, next = 8;
    for (int j = 0; j < (i < 6 ? 16 : 64) && bits.ok(); ++j) {
      if (next == 0) continue;
      const int32_t delta = bits.se();
      if (delta < -128 || delta > 127) return bits.fail();  // 7.4.2.1.1.1
      next = (last + delta + 256) & 0xff;
      if (next != 0) last = next;
    }
  }
}

void skip_hrd(BitReader& bits) {  // E.1.2
  const uint32_t count = bits.ue();
  if (count > 31) return bits.fail();
  bits.skip(8);
  for (uint32_t i = 0; i <= count; ++i) {
    bits.ue();
    bits.ue();
    bits.skip(1);
  }
  bits.skip(20);
}

// What follows is optional: a VUI that breaks off leaves what was read before it.
void parse_vui(BitReader& bits, AvcSps& sps) {
  const VuiStart start = parse_vui_start(bits);
  if (!bits.ok()) return;
  sps.sar = start.sar;
  sps.colour = start.colour;
  if (bits.flag()) {  // timing_info_present_flag
    const auto tick = static_cast<int64_t>(bits.bits(32));
    const auto scale = static_cast<int64_t>(bits.bits(32));
    bits.flag();
    if (bits.ok() && tick > 0 && scale > 0)
      sps.frame_rate = {scale, tick * 2};  // a tick is a field
  }
  const bool nal_hrd = bits.flag();
  if (nal_hrd) skip_hrd(bits);
  const bool vcl_hrd = bits.flag();
  if (vcl_hrd) skip_hrd(bits);
  if (nal_hrd || vcl_hrd) bits.flag();
  bits.flag();        // pic_struct_present_flag
  if (bits.flag()) {  // bitstream_restriction_flag
    bits.flag();
    for (int i = 0; i < 4; ++i) bits.ue();
    const uint32_t reorder = bits.ue();
    if (bits.ok() && reorder <= 16) sps.reorder_frames = static_cast<int>(reorder);
  }
}

void skip_order_count(BitReader& bits) {
  const uint32_t type = bits.ue();
  if (type == 0) {
    bits.ue();
  } else if (type == 1) {
    bits.flag();
    bits.se();
    bits.se();
    const uint32_t cycle = bits.ue();
    if (cycle > 255) return bits.fail();
    for (uint32_t i = 0; i < cycle; ++i) bits.se();
  } else if (type > 2) {
    bits.fail();
  }
}

bool parse_size(BitReader& bits, AvcSps& sps) {
  const uint32_t width_mbs = bits.ue(), height_units = bits.ue();
  if (width_mbs >= kMaxAvcSide / 16 || height_units >= kMaxAvcSide / 16) return false;
  const bool frame_mbs_only = bits.flag();
  sps.interlaced = !frame_mbs_only;
  if (!frame_mbs_only) bits.flag();
  bits.flag();  // direct_8x8_inference_flag
  const int fields = frame_mbs_only ? 1 : 2;
  sps.width = static_cast<int>(width_mbs + 1) * 16;
  sps.height = static_cast<int>(height_units + 1) * 16 * fields;
  if (bits.flag()) {  // 7.4.2.1.1: crop units
    const int unit_x = sps.chroma_format == 1 || sps.chroma_format == 2 ? 2 : 1;
    const int unit_y = (sps.chroma_format == 1 ? 2 : 1) * fields;
    int64_t crop[4];
    for (int64_t& side : crop) side = bits.ue();
    const int64_t width = sps.width - (crop[0] + crop[1]) * unit_x;
    const int64_t height = sps.height - (crop[2] + crop[3]) * unit_y;
    if (width <= 0 || height <= 0) return false;
    sps.width = static_cast<int>(width);
    sps.height = static_cast<int>(height);
  }
  return bits.ok() && sps.height <= kMaxAvcSide;
}

}  // namespace

std::optional<AvcConfig> parse_avcc(Bytes bytes) {
  ByteReader reader(bytes);
  if (reader.u8() != 1) return std::nullopt;
  reader.skip(3);
  AvcConfig config;
  config.length_size = (reader.u8() & 3) + 1;
  for (int n = reader.u8() & 31; n > 0 && reader.ok(); --n)
    config.sps.push_back(reader.bytes(reader.u16()));
  for (int n = reader.u8(); n > 0 && reader.ok(); --n)
    config.pps.push_back(reader.bytes(reader.u16()));
  if (!reader.ok() || config.length_size == 3 || config.sps.empty() || config.pps.empty())
    return std::nullopt;
  return config;
}

std::optional<AvcConfig> avc_parameter_sets(Bytes annexb) {
  AvcConfig config;
  for (const Bytes nal : split_annexb(annexb)) {
    const int type = nal[0] & 31;
    if (type == 7) config.sps.push_back(nal);
    if (type == 8) config.pps.push_back(nal);
  }
  if (config.sps.empty() || config.pps.empty()) return std::nullopt;
  return config;
}

std::optional<AvcSps> parse_avc_sps(Bytes nal) {
  if (nal.empty() || (nal[0] & 31) != 7) return std::nullopt;
  const std::vector<uint8_t> raw = unescape(nal.subspan(1));
  BitReader bits(raw);
  AvcSps sps;
  sps.bit_depth = 8;
  sps.profile = static_cast<int>(bits.bits(8));
  sps.compatibility = static_cast<int>(bits.bits(8));
  sps.level = static_cast<int>(bits.bits(8));
  if (bits.ue() > 31) return std::nullopt;
  if (has_chroma_info(sps.profile)) {
    const uint32_t chroma = bits.ue();
    if (chroma > 3) return std::nullopt;
    sps.chroma_format = static_cast<int>(chroma);
    if (chroma == 3) bits.flag();
    const uint32_t luma_depth = bits.ue(), chroma_depth = bits.ue();
    if (luma_depth > 6 || chroma_depth > 6) return std::nullopt;
    sps.bit_depth = 8 + static_cast<int>(luma_depth);
    sps.bit_depth_chroma = 8 + static_cast<int>(chroma_depth);
    bits.flag();
    if (bits.flag()) skip_scaling_lists(bits, chroma == 3 ? 12 : 8);
  }
  bits.ue();  // log2_max_frame_num_minus4
  skip_order_count(bits);
  bits.ue();    // max_num_ref_frames
  bits.flag();  // gaps_in_frame_num_value_allowed_flag
  if (!parse_size(bits, sps)) return std::nullopt;
  const bool has_vui = bits.flag();
  if (!bits.ok()) return std::nullopt;
  if (has_vui) parse_vui(bits, sps);
  return sps;
}

std::optional<std::vector<uint8_t>> build_avcc(const AvcConfig& config) {
  if (config.sps.empty() || config.sps.size() > 31 || config.pps.size() > 255) return std::nullopt;
  const auto sps = parse_avc_sps(config.sps[0]);
  if (!sps) return std::nullopt;
  ByteWriter out;
  out.u8(1);
  for (const int byte : {sps->profile, sps->compatibility, sps->level})
    out.u8(static_cast<uint8_t>(byte));
  out.u8(0xfc | static_cast<uint8_t>(config.length_size - 1));
  out.u8(0xe0 | static_cast<uint8_t>(config.sps.size()));
  const auto put = [&](Bytes nal) {
    if (nal.size() > UINT16_MAX) return false;
    out.u16(static_cast<uint16_t>(nal.size()));
    out.bytes(nal);
    return true;
  };
  for (const Bytes nal : config.sps) {
    if (!put(nal)) return std::nullopt;
  }
  out.u8(static_cast<uint8_t>(config.pps.size()));
  for (const Bytes nal : config.pps) {
    if (!put(nal)) return std::nullopt;
  }
  if (has_chroma_info(sps->profile)) {
    out.u8(0xfc | static_cast<uint8_t>(sps->chroma_format));
    out.u8(0xf8 | static_cast<uint8_t>(sps->bit_depth - 8));
    out.u8(0xf8 | static_cast<uint8_t>(sps->bit_depth_chroma - 8));
    out.u8(0);
  }
  return out.take();
}

std::optional<Description> describe_avc(Bytes extradata) {
  const bool annexb = is_annexb(extradata);
  const auto config = annexb ? avc_parameter_sets(extradata) : parse_avcc(extradata);
  if (!config) return std::nullopt;
  const auto sps = parse_avc_sps(config->sps[0]);
  if (!sps) return std::nullopt;

  Description d;
  d.codec = "h264";
  char text[16];
  std::snprintf(text, sizeof text, "avc1.%02x%02x%02x", sps->profile, sps->compatibility,
                sps->level);
  d.rfc6381 = text;
  d.profile = sps->profile;
  d.level = sps->level;
  static_cast<PictureFormat&>(d) = *sps;
  if (annexb) {
    auto built = build_avcc(*config);
    if (!built) return std::nullopt;
    d.config = std::move(*built);
  } else {
    d.config.assign(extradata.begin(), extradata.end());
  }
  return d;
}

}  // namespace stream::codec
