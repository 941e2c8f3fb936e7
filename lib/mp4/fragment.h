// Fragmented MP4 (ISO/IEC 14496-12, CMAF 23000-19): the init segment and one moof+mdat at a time.
// Media bytes are never copied: a fragment is a header to write and the buffers that follow it. No
// I/O here.
#pragma once
#include <span>
#include <vector>

#include "base/buffer.h"
#include "mp4/track_config.h"

namespace stream::mp4 {

// ftyp + moov with empty sample tables and mvex.
std::vector<uint8_t> init_segment(std::span<const TrackConfig> tracks);
// The same without ftyp, for files that put something between the two.
std::vector<uint8_t> file_type();
std::vector<uint8_t> fragmented_moov(std::span<const TrackConfig> tracks);

// Times in ticks of the track. H.264 and HEVC data has 4-byte lengths (codec/nal.h converts).
struct Sample {
  int64_t dts = 0;        // >= 0
  int64_t pts = 0;        // may be below dts (signed composition offsets)
  uint32_t duration = 0;  // dts of the next sample - dts
  bool key = true;
  Buffer data;
};

struct TrackRun {
  uint32_t track_id = 1;
  std::vector<Sample> samples;  // in decoding order; an empty run is left out
};

struct Fragment {
  std::vector<uint8_t> header;  // moof and the head of mdat
  std::vector<Buffer> payload;  // in order; header + payload is the whole fragment
  uint64_t size = 0;            // of all that
  // Where the first sample of each run given starts, from the start of the fragment; 0 for an empty
  // run.
  std::vector<uint64_t> run_offsets;
};

// `sequence` counts fragments of a file from 1. The runs' data lies in the mdat one run after
// another.
Fragment make_fragment(uint32_t sequence, std::span<const TrackRun> runs);

}  // namespace stream::mp4
