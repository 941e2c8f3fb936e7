// HEVC parameter sets: hvcC (ISO/IEC 14496-15 8.3.3.1) and the sequence parameter set
// (H.265 7.3.2.2). Pure parsing; spans point into the caller's bytes.
#pragma once
#include <array>
#include <optional>
#include <vector>

#include "codec/description.h"

namespace stream::codec {

struct HevcConfig {
  int length_size = 4;
  std::vector<Bytes> vps, sps, pps;  // whole NAL units; never empty
};

struct HevcSps : PictureFormat {
  std::array<uint8_t, 12> profile_tier_level{};  // general_profile_space .. general_level_idc
  int temporal_layers = 1;
  bool temporal_nested = false;
  int chroma_format = 1, bit_depth_chroma = 8;
};

std::optional<HevcConfig> parse_hvcc(Bytes bytes);
std::optional<HevcConfig> hevc_parameter_sets(Bytes annexb);
std::optional<std::vector<uint8_t>> build_hvcc(const HevcConfig& config);
std::optional<HevcSps> parse_hevc_sps(Bytes nal);

// "hvc1.1.6.L120.90" (ISO/IEC 14496-15 E.3) from the twelve bytes of an SPS or of hvcC from offset
// 1 on.
std::string hevc_codec_string(std::span<const uint8_t, 12> profile_tier_level);

std::optional<Description> describe_hevc(Bytes extradata);

}  // namespace stream::codec
