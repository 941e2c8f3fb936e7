// RTP payloads to access units: H.264 (RFC 6184, modes 0 and 1), H.265 (RFC 7798), VP8 (RFC 7741),
// VP9 (RFC 9628, the lowest spatial layer), AV1 (AOM RTP payload 1.0), Opus (RFC 7587). Takes
// payloads in order and is told of holes; a unit that lacks a packet never comes out. Bounded.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "rtp/packet.h"

namespace stream::rtp {

struct AccessUnit {
  // What the codec's sample is in ISO BMFF: NAL units with 4-byte lengths, a VP8 or VP9 frame, an
  // AV1 temporal unit without its delimiter, an Opus packet.
  Buffer data;
  uint32_t timestamp = 0;
  bool key = false;  // parameter sets are known, decoding can start here (sound: always)
  // avcC, hvcC, av1C of a key frame, OpusHead on the first packet; empty: the same as before, or
  // the codec has none (VP8, VP9).
  Buffer extradata;
  int width = 0, height = 0;  // of a key frame; 0: not known
};

inline constexpr size_t kMaxUnit = 8u << 20;

class Depacketiser {
 public:
  virtual ~Depacketiser() = default;
  // The next payload in order. `marker`: the last of its access unit. Damage discards the unit.
  virtual void feed(const Packet& packet) = 0;
  // Packets before the next one are missing for good: what was begun is discarded.
  virtual void hole() = 0;
  // A unit that is whole.
  virtual std::optional<AccessUnit> next() = 0;
  // Units that were begun and discarded.
  virtual uint64_t discarded() const = 0;
};

// `codec`: h264, hevc, vp8, vp9, av1, opus (FFmpeg's names); null for any other. `channels` is for
// the OpusHead.
std::unique_ptr<Depacketiser> make_depacketiser(std::string_view codec, int channels = 2);

}  // namespace stream::rtp
