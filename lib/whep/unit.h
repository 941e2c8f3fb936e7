// One picture, or one packet of sound, as all viewers get it.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "rtp/packetiser.h"

namespace stream::whep {

struct Unit {
  bool video = false, key = false;
  uint32_t timestamp = 0;                         // of RTP
  std::shared_ptr<const rtp::Payloads> payloads;  // one at least
};
using UnitPtr = std::shared_ptr<const Unit>;

}  // namespace stream::whep
