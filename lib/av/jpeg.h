// A picture as JPEG (JFIF: BT.601, full range).
#pragma once
#include <cstdint>
#include <vector>

#include "av/frame.h"

namespace stream::av {

// `picture` as Scaler leaves it. `quality` from 2 (best) to 31. Throws Error "encoder.absent" or
// "media.library".
std::vector<uint8_t> encode_jpeg(const Frame& picture, int quality = 5);

}  // namespace stream::av
