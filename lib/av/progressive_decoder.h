// A Decoder whose pictures are progressive, whatever was sent: for those who encode them again.
// What only looks at pictures takes the plain one and does not load FFmpeg's filters. One thread.
#pragma once
#include <optional>

#include "av/decoder.h"
#include "av/deinterlacer.h"

namespace stream::av {

class ProgressiveDecoder {
 public:
  explicit ProgressiveDecoder(const Track& track, int threads = 1)
      : decoder_(track, threads), time_base_(track.time_base) {}

  // As Decoder's; from the first interlaced picture on they come one picture later.
  void send(const Packet& packet) { decoder_.send(packet); }
  void finish();
  std::optional<Frame> receive();
  uint64_t dropped() const noexcept { return decoder_.dropped(); }

 private:
  Decoder decoder_;
  Rational time_base_;
  std::optional<Deinterlacer> deinterlacer_;  // from the first interlaced picture on
  std::optional<Frame> next_;                 // is not like those before: they come first
  bool finishing_ = false, emptied_ = false;
};

}  // namespace stream::av
