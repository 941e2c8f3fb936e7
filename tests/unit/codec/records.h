// Configuration records as encoders made them (x264, x265, libaom, SVT-AV1, libvpx, FFmpeg's audio
// encoders).
#pragma once
#include <string_view>
#include <vector>

#include "base/buffer.h"

namespace records {

inline std::vector<uint8_t> hex(std::string_view text) {
  const auto digit = [](char c) { return static_cast<uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); };
  std::vector<uint8_t> out;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    out.push_back(static_cast<uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
  }
  return out;
}

// 642x358, SAR 4:3, 30000/1001 fps, two B-frames, BT.709, HRD
inline constexpr std::string_view kAvcc =
    "0164001effe100266764001eacd940a42fe226c39a808080a000007d20001d4c0c900061a800c35498600f162d9601"
    "000468ef8fcbfdf8f800";
// 1920x1080 (coded 1088) fields, Main 4.0, 25 fps
inline constexpr std::string_view kAvccInterlaced =
    "014d4028ffe10019674d4028f403c0227ef011000003000100000300321f162ea001000468de0fc8";
// 642x358, Main 10, BT.2020 PQ, 30000/1001 fps: VPS, SPS, PPS
inline constexpr std::string_view kHevcAnnexb =
    "0000000140010c01ffff02200000030090000003000003003f95940900000001420101022000000300900000030000"
    "03003fa005220171c4"
    "4cd965654a4c2f016a1220120800001f480003a98040000000014401c073c189";
inline constexpr std::string_view kHvcc =
    "0102200000009000000000003ff000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003"
    "003f959409a1000100"
    "2e42010102200000030090000003000003003fa005220171c44cd965654a4c2f016a1220120800001f480003a98040"
    "a2000100064401c073"
    "c189";
inline constexpr std::string_view kAv1c = "81010c000a0b0000000cc5036536be4010";
inline constexpr std::string_view kAv1Obu = "0a0b0000000cc5036500be0010";
inline constexpr std::string_view kVpcc = "0015820202020000";
inline constexpr std::string_view kVp9Frame = "8249834200281016560638241c184a1008985fcd";
inline constexpr std::string_view kAac = "119056e500";
inline constexpr std::string_view kOpus = "4f707573486561640102380180bb0000000000";
inline constexpr std::string_view kFlac =
    "120012000000fc0005110bb802f000003840e5f051c128e84992c0cba99724092b51";
inline constexpr std::string_view kAc3Frame = "0b77fe95144043e106f46370c0c0c21818187ff7";
inline constexpr std::string_view kEac3Frame = "0b77017f3487c0002084210838008c0606060181";
inline constexpr std::string_view kMp3Frame = "fffb9464000001ee0850bd3c600800000d20a000";

}  // namespace records
