// H.264 parameter sets: avcC (ISO/IEC 14496-15 5.3.3.1) and the sequence parameter set
// (H.264 7.3.2.1). Pure parsing; spans point into the caller's bytes.
#pragma once
#include <optional>
#include <vector>

#include "codec/description.h"

namespace stream::codec {

struct AvcConfig {
  int length_size = 4;
  std::vector<Bytes> sps, pps;  // whole NAL units; never empty
};

struct AvcSps : PictureFormat {
  int profile = 0, compatibility = 0, level = 0;  // the three bytes of the codec string
  int chroma_format = 1, bit_depth_chroma = 8;
};

std::optional<AvcConfig> parse_avcc(Bytes bytes);
// Parameter sets out of an Annex B stream; nullopt without at least one of each kind.
std::optional<AvcConfig> avc_parameter_sets(Bytes annexb);
// nullopt when an SPS can't be parsed or there are too many sets.
std::optional<std::vector<uint8_t>> build_avcc(const AvcConfig& config);
std::optional<AvcSps> parse_avc_sps(Bytes nal);

// Either packaging in.
std::optional<Description> describe_avc(Bytes extradata);

}  // namespace stream::codec
