// RTP timestamps of sound. A player takes a step between two packets that is not the length of the
// first for a loss, even of one sample, and fills it; and the times of a source do wobble (they are
// rounded, and drawn to where sender reports want them). So the steps here are those of the
// samples, and what the source's times are ahead of that is said by our sender reports instead.
// Pure.
#pragma once
#include <cstdint>

namespace stream::whep {

class SoundClock {
 public:
  // `at`: where the packet stands on the source's line of time; `samples`: how long it is; 0: not
  // known. Both in ticks of the RTP clock. A hole in the source stays one.
  uint32_t stamp(uint32_t at, uint32_t samples);
  // What turns a place on the source's line into a timestamp, for reports.
  uint32_t shift() const noexcept { return shift_; }

 private:
  bool begun_ = false;
  uint32_t next_ = 0, shift_ = 0;
};

}  // namespace stream::whep
