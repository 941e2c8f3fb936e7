#include "codec/hevc.h"

#include <algorithm>
#include <cstdio>

#include "base/bytes.h"
#include "codec/bits.h"
#include "codec/nal.h"
#include "codec/vui.h"

namespace stream::codec {

namespace {

constexpr uint32_t kMaxHevcSide = 16384;
constexpr int kVps = 32, kSps = 33, kPps = 34;

int nal_type(Bytes nal) {
  return nal[0] >> 1 & 0x3f;
}

void skip_sub_layers(BitReader& bits, int max_sub_layers_minus1) {  // 7.3.3
  bool profile[8] = {}, level[8] = {};
  for (int i = 0; i < max_sub_layers_minus1; ++i) {
    profile[i] = bits.flag();
    level[i] = bits.flag();
  }
  if (max_sub_layers_minus1 > 0) bits.skip(2 * static_cast<size_t>(8 - max_sub_layers_minus1));
  for (int i = 0; i < max_sub_layers_minus1; ++i)
    bits.skip((profile[i] ? 88 : 0) + (level[i] ? 8 : 0));
}

void skip_scaling_lists(BitReader& bits) {  // 7.3.4
  for (int size = 0; size < 4; ++size) {
    for (int matrix = 0; matrix < 6 && bits.ok(); matrix += size == 3 ? 3 : 1) {
      if (!bits.flag()) {
        bits.ue();
        continue;
      }
      if (size > 1) bits.se();
      for (int i = 0; i < std::min(64, 1 << (4 + (size << 1))) && bits.ok(); ++i) bits.se();
    }
  }
}

// 7.3.7; only the number of pictures matters, for a later set that is predicted from this one.
void skip_short_term_sets(BitReader& bits) {
  const uint32_t count = bits.ue();
  if (count > 64) return bits.fail();
  uint32_t pictures = 0;
  for (uint32_t i = 0; i < count && bits.ok(); ++i) {
    if (i > 0 && bits.flag()) {  // inter_ref_pic_set_prediction_flag
      bits.flag();
      bits.ue();
      uint32_t kept = 0;
      for (uint32_t j = 0; j <= pictures && bits.ok(); ++j) {
        const bool used = bits.flag();
        if (used || bits.flag()) ++kept;
      }
      pictures = kept;
      continue;
    }
    const uint32_t negative = bits.ue(), positive = bits.ue();
    if (negative > 16 || positive > 16) return bits.fail();
    pictures = negative + positive;
    for (uint32_t j = 0; j < pictures && bits.ok(); ++j) {
      bits.ue();
      bits.flag();
    }
  }
}

void parse_vui(BitReader& bits, HevcSps& sps) {  // E.2.1
  const VuiStart start = parse_vui_start(bits);
  if (!bits.ok()) return;
  sps.sar = start.sar;
  sps.colour = start.colour;
  bits.skip(3);
  if (bits.flag()) {  // default_display_window_flag: a hint that we do not follow
    for (int i = 0; i < 4; ++i) bits.ue();
  }
  if (bits.flag()) {  // vui_timing_info_present_flag
    const auto tick = static_cast<int64_t>(bits.bits(32));
    const auto scale = static_cast<int64_t>(bits.bits(32));
    if (bits.ok() && tick > 0 && scale > 0) sps.frame_rate = {scale, tick};
  }
}

bool parse_picture_format(BitReader& bits, HevcSps& sps) {
  const uint32_t chroma = bits.ue();
  if (chroma > 3) return false;
  sps.chroma_format = static_cast<int>(chroma);
  if (chroma == 3) bits.flag();
  const uint32_t width = bits.ue(), height = bits.ue();
  if (width == 0 || height == 0 || width > kMaxHevcSide || height > kMaxHevcSide) return false;
  int64_t shown_width = width, shown_height = height;
  if (bits.flag()) {
    const int unit_x = chroma == 1 || chroma == 2 ? 2 : 1, unit_y = chroma == 1 ? 2 : 1;
    int64_t crop[4];
    for (int64_t& side : crop) side = bits.ue();
    shown_width -= (crop[0] + crop[1]) * unit_x;
    shown_height -= (crop[2] + crop[3]) * unit_y;
  }
  const uint32_t luma = bits.ue(), chroma_depth = bits.ue();
  if (!bits.ok() || shown_width <= 0 || shown_height <= 0 || luma > 8 || chroma_depth > 8)
    return false;
  sps.width = static_cast<int>(shown_width);
  sps.height = static_cast<int>(shown_height);
  sps.bit_depth = 8 + static_cast<int>(luma);
  sps.bit_depth_chroma = 8 + static_cast<int>(chroma_depth);
  return true;
}

// Everything between the picture format and the VUI; fails the reader when it is out of range.
void skip_coding_tools(BitReader& bits, HevcSps& sps) {
  const uint32_t order_count_bits = bits.ue() + 4;
  if (order_count_bits > 16) return bits.fail();
  const bool all_layers = bits.flag();
  for (int i = all_layers ? 0 : sps.temporal_layers - 1; i < sps.temporal_layers; ++i) {
    bits.ue();
    const uint32_t reorder = bits.ue();
    bits.ue();
    if (bits.ok() && reorder <= 16) sps.reorder_frames = static_cast<int>(reorder);
  }
  for (int i = 0; i < 6; ++i) bits.ue();
  if (bits.flag() && bits.flag()) skip_scaling_lists(bits);
  bits.skip(2);
  if (bits.flag()) {  // pcm_enabled_flag
    bits.skip(8);
    bits.ue();
    bits.ue();
    bits.flag();
  }
  skip_short_term_sets(bits);
  if (bits.flag()) {  // long_term_ref_pics_present_flag
    const uint32_t count = bits.ue();
    if (count > 32) return bits.fail();
    bits.skip(size_t{count} * (order_count_bits + 1));
  }
  bits.skip(2);
}

}  // namespace

std::optional<HevcSps> parse_hevc_sps(Bytes nal) {
  if (nal.size() < 2 || nal_type(nal) != kSps) return std::nullopt;
  const std::vector<uint8_t> raw = unescape(nal.subspan(2));
  BitReader bits(raw);
  HevcSps sps;
  bits.skip(4);
  sps.temporal_layers = static_cast<int>(bits.bits(3)) + 1;
  if (sps.temporal_layers > 7) return std::nullopt;
  sps.temporal_nested = bits.flag();
  for (uint8_t& byte : sps.profile_tier_level) byte = static_cast<uint8_t>(bits.bits(8));
  skip_sub_layers(bits, sps.temporal_layers - 1);
  if (bits.ue() > 15 || !parse_picture_format(bits, sps)) return std::nullopt;
  skip_coding_tools(bits, sps);
  if (bits.ok() && bits.flag()) parse_vui(bits, sps);  // beyond the format all is optional
  return sps;
}

std::optional<HevcConfig> parse_hvcc(Bytes bytes) {
  ByteReader reader(bytes);
  if (reader.u8() != 1) return std::nullopt;
  reader.skip(20);
  HevcConfig config;
  config.length_size = (reader.u8() & 3) + 1;
  for (int arrays = reader.u8(); arrays > 0 && reader.ok(); --arrays) {
    const int type = reader.u8() & 0x3f;
    for (int n = reader.u16(); n > 0 && reader.ok(); --n) {
      const Bytes nal = reader.bytes(reader.u16());
      if (type == kVps) config.vps.push_back(nal);
      if (type == kSps) config.sps.push_back(nal);
      if (type == kPps) config.pps.push_back(nal);
    }
  }
  if (!reader.ok() || config.length_size == 3) return std::nullopt;
  if (config.vps.empty() || config.sps.empty() || config.pps.empty()) return std::nullopt;
  return config;
}

std::optional<HevcConfig> hevc_parameter_sets(Bytes annexb) {
  HevcConfig config;
  for (const Bytes nal : split_annexb(annexb)) {
    switch (nal_type(nal)) {
      case kVps:
        config.vps.push_back(nal);
        break;
      case kSps:
        config.sps.push_back(nal);
        break;
      case kPps:
        config.pps.push_back(nal);
        break;
    }
  }
  if (config.vps.empty() || config.sps.empty() || config.pps.empty()) return std::nullopt;
  return config;
}

std::optional<std::vector<uint8_t>> build_hvcc(const HevcConfig& config) {
  if (config.sps.empty()) return std::nullopt;
  const auto sps = parse_hevc_sps(config.sps[0]);
  if (!sps) return std::nullopt;
  ByteWriter out;
  out.u8(1);
  out.bytes(sps->profile_tier_level);
  out.u16(0xf000);  // min_spatial_segmentation_idc: unknown
  out.u8(0xfc);     // parallelismType: unknown
  out.u8(0xfc | static_cast<uint8_t>(sps->chroma_format));
  out.u8(0xf8 | static_cast<uint8_t>(sps->bit_depth - 8));
  out.u8(0xf8 | static_cast<uint8_t>(sps->bit_depth_chroma - 8));
  out.u16(0);  // avgFrameRate: unspecified
  out.u8(static_cast<uint8_t>(sps->temporal_layers << 3 | (sps->temporal_nested ? 4 : 0) |
                              (config.length_size - 1)));
  out.u8(3);
  const auto array = [&](int type, const std::vector<Bytes>& nals) {
    if (nals.size() > UINT16_MAX) return false;
    out.u8(static_cast<uint8_t>(0x80 | type));  // all sets are here: hvc1
    out.u16(static_cast<uint16_t>(nals.size()));
    for (const Bytes nal : nals) {
      if (nal.size() > UINT16_MAX) return false;
      out.u16(static_cast<uint16_t>(nal.size()));
      out.bytes(nal);
    }
    return true;
  };
  if (!array(kVps, config.vps) || !array(kSps, config.sps) || !array(kPps, config.pps))
    return std::nullopt;
  return out.take();
}

std::string hevc_codec_string(std::span<const uint8_t, 12> ptl) {
  std::string text = "hvc1.";
  if (const int space = ptl[0] >> 6) text += static_cast<char>('A' + space - 1);
  text += std::to_string(ptl[0] & 31);
  const uint32_t flags =
      uint32_t{ptl[1]} << 24 | uint32_t{ptl[2]} << 16 | uint32_t{ptl[3]} << 8 | ptl[4];
  uint32_t reversed = 0;
  for (int i = 0; i < 32; ++i) reversed |= (flags >> i & 1) << (31 - i);
  char part[16];
  std::snprintf(part, sizeof part, ".%X", reversed);
  text += part;
  text += ptl[0] & 0x20 ? ".H" : ".L";
  text += std::to_string(ptl[11]);
  int last = 10;
  while (last >= 5 && ptl[static_cast<size_t>(last)] == 0) --last;
  for (int i = 5; i <= last; ++i) {
    std::snprintf(part, sizeof part, ".%X", ptl[static_cast<size_t>(i)]);
    text += part;
  }
  return text;
}

std::optional<Description> describe_hevc(Bytes extradata) {
  const bool annexb = is_annexb(extradata);
  const auto config = annexb ? hevc_parameter_sets(extradata) : parse_hvcc(extradata);
  if (!config) return std::nullopt;
  const auto sps = parse_hevc_sps(config->sps[0]);
  if (!sps) return std::nullopt;
  Description d;
  d.codec = "hevc";
  d.rfc6381 = hevc_codec_string(sps->profile_tier_level);
  d.profile = sps->profile_tier_level[0] & 31;
  d.level = sps->profile_tier_level[11];
  static_cast<PictureFormat&>(d) = *sps;
  if (annexb) {
    auto built = build_hvcc(*config);
    if (!built) return std::nullopt;
    d.config = std::move(*built);
  } else {
    d.config.assign(extradata.begin(), extradata.end());
  }
  return d;
}

}  // namespace stream::codec
