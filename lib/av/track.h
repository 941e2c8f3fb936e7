// What a track of media is: plain data, as the bus announces it. Written by sources, read by
// everybody.
#pragma once
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/time.h"

namespace stream::av {

enum class MediaType { kVideo, kAudio, kData };

struct Track {
  MediaType type = MediaType::kVideo;
  std::string codec;  // FFmpeg's name: h264 hevc av1 vp9 aac opus ac3 flac mp3 rawvideo ...
  Rational time_base{1, 1000};
  Buffer extradata;  // avcC, hvcC, av1C, AudioSpecificConfig, OpusHead; or Annex B parameter sets
  int width = 0, height = 0;  // coded picture as shown, before the aspect ratio
  Rational sample_aspect{1, 1};
  Rational frame_rate;  // nominal; not known: {0, 1}
  int sample_rate = 0, channels = 0;
  int frame_samples = 0;  // samples per audio packet where constant (AAC 1024); 0: not known
  int64_t bit_rate = 0;   // announced; 0: not known
  int reorder = 0;        // pictures by which decoding order runs ahead of display order
  int pixel_format = -1;  // FFmpeg's number; for rawvideo only
};

using Tracks = std::vector<Track>;

inline Nanoseconds to_time(int64_t ticks, const Track& track) {
  return Nanoseconds(rescale(ticks, track.time_base, kNanosecondBase));
}

}  // namespace stream::av
