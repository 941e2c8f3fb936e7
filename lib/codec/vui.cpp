#include "codec/vui.h"

#include <iterator>

namespace stream::codec {

namespace {

// H.264 table E-1, HEVC table E.1.
constexpr struct {
  uint8_t num, den;
} kSar[] = {{0, 1},   {1, 1},    {12, 11}, {10, 11}, {16, 11}, {40, 33},
            {24, 11}, {20, 11},  {32, 11}, {80, 33}, {18, 11}, {15, 11},
            {64, 33}, {160, 99}, {4, 3},   {3, 2},   {2, 1}};

}  // namespace

VuiStart parse_vui_start(BitReader& bits) {
  VuiStart vui;
  if (bits.flag()) {  // aspect_ratio_info_present_flag
    const auto index = bits.bits(8);
    if (index == 255) {
      const auto num = static_cast<int64_t>(bits.bits(16));
      const auto den = static_cast<int64_t>(bits.bits(16));
      if (num > 0 && den > 0) vui.sar = {num, den};
    } else if (index < std::size(kSar)) {
      vui.sar = {kSar[index].num, kSar[index].den};
    }
  }
  if (bits.flag()) bits.flag();  // overscan
  if (bits.flag()) {             // video_signal_type_present_flag
    bits.skip(3);
    vui.colour.full_range = bits.flag();
    if (bits.flag()) {
      vui.colour.primaries = static_cast<uint8_t>(bits.bits(8));
      vui.colour.transfer = static_cast<uint8_t>(bits.bits(8));
      vui.colour.matrix = static_cast<uint8_t>(bits.bits(8));
    }
  }
  if (bits.flag()) {  // chroma_loc_info_present_flag
    bits.ue();
    bits.ue();
  }
  return vui;
}

}  // namespace stream::codec
