// The NAL unit types that only RTP has: RFC 6184 5.2 and RFC 7798 4.4.
#pragma once
#include <cstdint>

namespace stream::rtp {

inline constexpr uint8_t kStapA = 24, kFuA = 28;      // H.264
inline constexpr uint8_t kHevcAp = 48, kHevcFu = 49;  // H.265

}  // namespace stream::rtp
