// Reads any MP4 (ISO/IEC 14496-12), ordinary or fragmented, whole, cut short or damaged: what can
// be told of the samples that are there, in order of decoding time. Hostile files cost bounded time
// and memory: the index is at most 64 MiB, a fragment 16 MiB. No I/O of its own; one thread.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace stream::mp4 {

struct ReadTrack {
  uint32_t id = 0;
  std::string codec;  // FFmpeg's name; empty: not one of ours, no samples of it are told
  bool video = false;
  std::vector<uint8_t> extradata;  // as FFmpeg has it (OpusHead, not dOps)
  uint32_t timescale = 1;
  int width = 0, height = 0, sample_rate = 0, channels = 0;
  int length_size = 4;  // of the NAL units' lengths
};

struct ReadSample {
  size_t track = 0;
  int64_t dts = 0, pts = 0;  // in the track's ticks, edit list applied
  uint32_t duration = 0;
  bool key = true;
  uint64_t offset = 0;
  uint32_t size = 0;  // > 0; all of it is in the file
};

class Reader {
 public:
  // Fills `out` from `offset` of the file on; how much there was.
  using ReadAt = std::function<size_t(uint64_t offset, std::span<uint8_t> out)>;

  Reader(uint64_t size, ReadAt read) : size_(size), read_(std::move(read)) {}

  // False when no index with a track was found anywhere.
  bool open();
  const std::vector<ReadTrack>& tracks() const { return tracks_; }
  std::optional<ReadSample> next();
  // Something was torn, missing or passed over so far.
  bool damaged() const { return damaged_; }
  uint64_t position() const { return position_; }  // of the last sample, for progress

 private:
  struct Table {  // of an ordinary file; spans into moov_
    Bytes durations, offsets, sizes, chunks, chunk_map, keys;
    bool wide_chunks = false, has_keys = false;
    uint32_t fixed_size = 0, count = 0;
    // Where it goes on.
    uint32_t sample = 0, chunk = 0, in_chunk = 0, map_at = 0, key_at = 0;
    uint32_t stts_at = 0, stts_left = 0, delta = 0, ctts_at = 0, ctts_left = 0;
    int32_t composition = 0;
    uint64_t place = 0;
    int64_t dts = 0;
    std::optional<ReadSample> ready;
  };
  struct Defaults {
    uint32_t duration = 0, size = 0, flags = 0;
  };
  struct State {
    Table table;
    Defaults defaults;
    int64_t shift = 0;     // of the edit list
    int64_t next_dts = 0;  // where a fragment without a time goes on
  };

  struct Header {
    uint32_t type = 0;
    uint64_t size = 0;
    size_t header = 8;
  };
  std::optional<Header> header_at(uint64_t at);
  std::vector<uint8_t> read(uint64_t at, uint64_t size);
  std::optional<uint64_t> find(std::string_view type, uint64_t from);
  bool take_moov(uint64_t at, const Header& header);
  void take_track(Bytes trak, uint32_t movie_scale);
  bool take_entry(Bytes stsd, ReadTrack& track);
  void take_tables(Bytes stbl, Table& table);
  int64_t edit_shift(Bytes trak, uint32_t movie_scale, uint32_t timescale);
  bool advance(size_t track);
  bool take_fragment(uint64_t at, Bytes moof);
  void take_run(Bytes trun, size_t track, const Defaults& defaults, uint64_t base, uint64_t& place);
  bool next_fragment();
  std::optional<ReadSample> next_of_tables();
  Nanoseconds time(const ReadSample& sample) const;

  const uint64_t size_;
  const ReadAt read_;
  std::vector<uint8_t> moov_;
  std::vector<ReadTrack> tracks_;
  std::vector<State> states_;
  uint64_t at_ = 0;      // of the next box to look at
  uint64_t budget_ = 0;  // bytes of samples that may still be told: overlaps cost no more
  std::deque<ReadSample> fragment_;
  uint64_t position_ = 0;
  bool damaged_ = false, in_tables_ = true;
};

}  // namespace stream::mp4
