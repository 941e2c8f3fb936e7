// Two tracks and samples for them.
#pragma once
#include "mp4/fragment.h"

namespace tracks {

inline stream::mp4::TrackConfig video(uint32_t timescale = 90000) {
  stream::mp4::TrackConfig track;
  track.id = 1;
  track.timescale = timescale;
  track.codec.codec = "h264";
  track.codec.config = {1, 100, 0, 30};
  track.width = 640;
  track.height = 360;
  return track;
}

inline stream::mp4::TrackConfig audio() {
  stream::mp4::TrackConfig track;
  track.id = 2;
  track.timescale = 48000;
  track.codec.codec = "aac";
  track.codec.config = {0x11, 0x90};
  track.sample_rate = 48000;
  track.channels = 2;
  return track;
}

inline stream::mp4::Sample sample(int64_t dts, int64_t pts, uint32_t duration, bool key,
                                  size_t size) {
  return {dts, pts, duration, key,
          stream::Buffer::copy(std::vector<uint8_t>(size, static_cast<uint8_t>(size)))};
}

}  // namespace tracks
