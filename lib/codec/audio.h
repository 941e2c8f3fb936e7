// Audio configuration records: AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1), OpusHead (RFC
// 7845 5.1), FLAC STREAMINFO, and the AC-3, E-AC-3 and MP3 frame headers that serve as records for
// codecs without one.
#pragma once
#include <optional>

#include "codec/description.h"

namespace stream::codec {

struct AudioSpecificConfig {
  int object_type = 0;           // of the core: 2 = LC
  int sample_rate = 0;           // of the core
  int channels = 0;              // of the core; 0: defined in the stream
  int frame_samples = 1024;      // at sample_rate
  bool sbr = false, ps = false;  // as signalled
  int output_rate = 0;           // after SBR
};

std::optional<AudioSpecificConfig> parse_audio_specific_config(Bytes bytes);
// Two bytes for LC; the rate must be one of the thirteen of table 1.18, else five.
std::vector<uint8_t> build_audio_specific_config(int object_type, int sample_rate, int channels);

// An ADTS frame's header (14496-3 1.A.3): what MPEG-TS puts before every AAC frame.
struct AdtsHeader {
  size_t size = 7;              // of the header; the raw frame follows
  std::vector<uint8_t> config;  // the AudioSpecificConfig it stands for
};
std::optional<AdtsHeader> parse_adts(Bytes frame);

std::optional<Description> describe_aac(Bytes extradata);
std::optional<Description> describe_opus(Bytes extradata);
// How long an Opus packet is, in samples at 48 kHz (RFC 6716 3.1); 0: it is none.
int opus_samples(Bytes packet);
// STREAMINFO (34 bytes), with "fLaC" and block headers before it, or without.
std::optional<Description> describe_flac(Bytes extradata);

// From the first bytes of a frame; the frame itself may be cut.
std::optional<Description> describe_ac3_frame(Bytes frame);
std::optional<Description> describe_eac3_frame(Bytes frame);
std::optional<Description> describe_mp3_frame(Bytes frame);

}  // namespace stream::codec
