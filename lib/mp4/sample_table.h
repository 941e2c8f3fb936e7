// The index of an ordinary (progressive) MP4, collected while media is written and turned into a
// moov at the end. About 5 bytes per sample. One per file; no I/O; not for use from two threads at
// once.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "mp4/fragment.h"
#include "mp4/track_config.h"

namespace stream::mp4 {

class SampleTable {
 public:
  // `origin` is the presentation time of the movie's start; without one it is the earliest of all
  // tracks. What lies before it (AAC priming) is cut off by edit lists.
  explicit SampleTable(std::vector<TrackConfig> tracks, std::optional<Nanoseconds> origin = {});

  // Samples of track number `track` (index into the constructor's list) that lie one after another
  // from byte `offset` of the file on. Decoding times never go back.
  void add_run(size_t track, std::span<const Sample> samples, uint64_t offset);

  // The whole moov. `shift` is added to all offsets (space put in front of the media since); the
  // size of the result does not depend on it. Edit lists start the movie at the earliest
  // presentation time.
  std::vector<uint8_t> moov(int64_t shift = 0) const;

  // The size of moov() at most; cheap.
  uint64_t moov_bound() const;

  const std::vector<TrackConfig>& tracks() const { return tracks_; }
  uint64_t samples(size_t track) const;
  // From the movie's start to the end of the last sample, over all tracks.
  Nanoseconds duration() const;

  struct Run {
    uint32_t count, value;
  };
  struct Track {
    std::vector<uint32_t> sizes;
    std::vector<Run> durations, offsets;  // stts, ctts (the value's bits are signed)
    std::vector<uint32_t> keys;           // 1-based; stss
    std::vector<uint64_t> chunk_offsets;
    std::vector<Run> chunk_samples;                    // so many chunks of so many samples
    int64_t first_dts = kNoTime, first_pts = kNoTime;  // first_pts is the smallest
    int64_t last_dts = 0, end_pts = 0;
    uint32_t last_duration = 0;
    bool negative_offsets = false;
  };

 private:
  int64_t origin(size_t track) const;  // in ticks of the track

  std::vector<TrackConfig> tracks_;
  std::vector<Track> tables_;
  std::optional<Nanoseconds> origin_;
};

}  // namespace stream::mp4
