// What the VUI of H.264 (E.1.1) and of HEVC (E.2.1) begin with in common. Internal to lib/codec.
#pragma once
#include "codec/bits.h"
#include "codec/description.h"

namespace stream::codec {

struct VuiStart {
  Rational sar{0, 1};
  Colour colour;
};

// aspect_ratio_info_present_flag up to and with the chroma sample location.
VuiStart parse_vui_start(BitReader& bits);

}  // namespace stream::codec
