// What an ISO BMFF track needs to know beside its samples. Plain data, filled by whoever has the
// track.
#pragma once
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/time.h"
#include "codec/description.h"

namespace stream::mp4 {

struct TrackConfig {
  uint32_t id = 1;             // > 0, unique in the file
  uint32_t timescale = 90000;  // ticks per second of all times of this track
  codec::Description codec;    // from codec::describe(); its `config` goes into the sample entry
  int width = 0, height = 0;   // 0: from codec
  Rational sar{0, 1};          // {0, 1}: from codec, else square
  int sample_rate = 0, channels = 0;  // 0: from codec
  std::string language = "und";       // ISO 639-2/T

  bool video() const {
    return codec.codec == "h264" || codec.codec == "hevc" || codec.codec == "av1" ||
           codec.codec == "vp9";
  }
};

// Builds one from a codec's name and extradata (either packaging). Throws stream::Error
// kUnsupported when MP4 can't carry the codec, kInputDamaged when the extradata is broken.
TrackConfig make_track(uint32_t id, std::string_view codec, Bytes extradata, uint32_t timescale);

// True when MP4 can carry it; what make_track() accepts.
bool carries(std::string_view codec);

}  // namespace stream::mp4
