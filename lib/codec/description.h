// What a codec configuration record says, for players, playlists and plans. describe() is the door
// for everyone; the parsers per codec are in avc.h, hevc.h, av1.h, vp9.h and audio.h. No FFmpeg.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/time.h"

namespace stream::codec {

// Code points of ISO/IEC 23091-2; 2 = unspecified.
struct Colour {
  uint8_t primaries = 2, transfer = 2, matrix = 2;
  bool full_range = false;
  bool known() const { return primaries != 2 || transfer != 2 || matrix != 2 || full_range; }
  friend bool operator==(const Colour&, const Colour&) = default;
};

struct PictureFormat {
  int width = 0, height = 0;  // what is shown, after cropping; 0 when the record does not say
  Rational sar{0, 1};         // {0, 1}: not said
  Rational frame_rate{0, 1};  // from VUI; {0, 1}: not said
  int reorder_frames = -1;    // pictures that may come earlier in decoding order; -1: not said
  int bit_depth = 0;          // of luma; 0: not said
  bool interlaced = false;
  Colour colour;
};

struct Description : PictureFormat {
  std::string codec;    // FFmpeg's name: h264, hevc, av1, vp9, aac, opus, flac, ac3, eac3, mp3
  std::string rfc6381;  // avc1.640028, mp4a.40.2, Opus ...
  int profile = -1, level = -1;  // the codec's own numbers (H.264 level 4.0 is 40, HEVC 4.0 is 120)

  int sample_rate = 0,
      channels = 0;         // of the output (after SBR and PS); 0 when the record does not say
  int frame_samples = 0;    // samples per packet at sample_rate, 0 when it varies
  int priming_samples = 0;  // to be dropped at the start, as far as the record says (Opus pre-skip)

  // The record as ISO BMFF wants it in avcC, hvcC, av1C, vpcC, esds (the bare AudioSpecificConfig),
  // dOps, dfLa, dac3 or dec3. Differs from the input for Annex B, OpusHead and bare FLAC
  // STREAMINFO.
  std::vector<uint8_t> config;
};

// nullopt when the record is broken or the codec is not one of ours. Empty extradata is allowed for
// codecs that can do without: mp3, ac3, eac3, vp9, av1 (then with what is known: names only).
std::optional<Description> describe(std::string_view codec, Bytes extradata);

// The same from the first frame, for streams that come without a record: ac3, eac3, mp3, vp9 (a
// keyframe), av1 (a temporal unit with a sequence header). ISO BMFF needs it for ac3 and eac3.
std::optional<Description> describe_frame(std::string_view codec, Bytes frame);

}  // namespace stream::codec
