// Packets of one track to frames. Damage never leaves it: from a broken packet or a picture that
// had to be invented on, everything is dropped until the next keyframe, and counted. One thread.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "av/frame.h"
#include "av/packet.h"
#include "av/track.h"

namespace stream::av {

class Decoder {
 public:
  // Throws Error kUnsupported "codec.decoder" when this FFmpeg can't decode the track.
  explicit Decoder(const Track& track, int threads = 1);
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  // After each send(), receive() until nullopt. New codec configuration (Packet::mark) needs a new
  // Decoder: finish() this one first.
  void send(const Packet& packet);
  void finish();
  // In the order of presentation; times in the track's time base.
  std::optional<Frame> receive();

  uint64_t dropped() const noexcept;  // packets and pictures lost to damage

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stream::av
