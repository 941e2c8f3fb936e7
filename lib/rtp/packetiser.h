// Access units to RTP payloads, for the codecs that depacketiser.h takes. Made once per stream and
// shared by all who watch it; headers are the sender's (sender.h). Pure; one thread.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/buffer.h"

namespace stream::rtp {

struct Payload {
  Buffer data;
  bool marker = false;  // ends the access unit
};

using Payloads = std::vector<Payload>;  // of one unit

inline constexpr size_t kMaxPayload = 1180;  // with header, SRTP tag and UDP over IPv6 below 1280

class Packetiser {
 public:
  virtual ~Packetiser() = default;
  // The payloads of one unit; none when the unit is damaged. NAL units have lengths as the
  // configuration says (4 bytes without one) or start codes.
  virtual Payloads packetise(Bytes unit, bool key) = 0;
  // New avcC, hvcC or av1C, or Annex B parameter sets, sent along before each key frame that lacks
  // them.
  virtual void configure(Bytes extradata) = 0;
};

// `codec`: h264, hevc, vp8, vp9, av1, opus; null for any other.
std::unique_ptr<Packetiser> make_packetiser(std::string_view codec, Bytes extradata,
                                            size_t max_payload = kMaxPayload);

}  // namespace stream::rtp
