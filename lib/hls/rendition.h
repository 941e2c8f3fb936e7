// The segment files and the media playlist of one rendition in one directory. Everything appears by
// rename, the segment before the playlist that lists it. The playlist file itself is the durable
// state: after kill -9 a new Rendition continues its numbers. Not a packager: it is given finished
// bytes. One thread.
#pragma once
#include <deque>
#include <filesystem>
#include <span>
#include <string>

#include "base/buffer.h"
#include "base/time.h"
#include "hls/playlist.h"
#include "hls/rates.h"
#include "os/fd.h"

namespace stream::hls {

enum class Format { kFmp4, kTs };

struct RenditionOptions {
  std::filesystem::path directory;  // "OUT/720p"; made when absent
  Format format = Format::kFmp4;
  Nanoseconds segment =
      std::chrono::seconds(2);  // longest segment to expect; decides TARGETDURATION
  // Media that stays listed; 0: all of it (EVENT). At least 3 segments always stay.
  Nanoseconds window = std::chrono::seconds(12);
  bool vod = false;  // all of it stays listed, and the playlist appears when it is whole
  bool independent = true;
};

class Rendition {
 public:
  // Resumes what the directory holds and sweeps leftovers. Throws stream::Error when the directory
  // can't be used.
  explicit Rendition(RenditionOptions options);
  ~Rendition();  // an unfinished segment is dropped; the playlist stays "live" unless finish() ran
  Rendition(const Rendition&) = delete;
  Rendition& operator=(const Rendition&) = delete;

  // The next five return false when the disk refused. error() then says why and the rendition goes
  // on: the segment becomes a gap, the playlist is written again with the next one.

  // The init segment for the segments that follow (fMP4), between segments only. Bytes that differ
  // from those in force get a new init_N.mp4 and a discontinuity.
  bool begin_init(Bytes init);
  // Appends to the open segment, which the first part opens. `head` and `payload` are written one
  // after another, without a copy.
  bool add_part(Bytes head, std::span<const Buffer> payload, Nanoseconds duration,
                bool independent);
  // Publishes the open segment. `start` is the wall clock of its first sample; all renditions
  // derive it from one anchor and media time.
  bool end_segment(WallTime start);
  // Lists gaps of `duration` until next_sequence() is `sequence`: after a crash the renditions of a
  // ladder may be a segment apart, and stay comparable by number this way.
  bool align(uint64_t sequence, Nanoseconds duration);
  // Before anything is written: a rendition that is new gets `sequence` as its first number and
  // starts after `discontinuities`, as its sisters count; one that goes on is aligned.
  bool start_at(uint64_t sequence, uint64_t discontinuities, Nanoseconds gap);
  // How many discontinuities lie before the next segment, since the stream began.
  uint64_t discontinuities() const;
  // The next segment is not a continuation: new session, jump, parameter change.
  void discontinuity() { discontinuity_ = true; }
  // ENDLIST. An open segment must be ended before.
  bool finish();

  const MediaPlaylist& playlist() const { return playlist_; }
  Rates rates() const { return meter_.rates(); }
  // The number of the segment that is open or comes next; also its media sequence number.
  uint64_t next_sequence() const;
  uint64_t gaps() const { return gaps_; }              // segments lost to write errors
  const std::string& error() const { return error_; }  // of the last call that returned false
  bool resumed() const { return resumed_; }

 private:
  // Off the playlist, still served for clients that are behind (6.2.2).
  struct Retired {
    uint64_t number = 0;
    std::string uri, map;
    Nanoseconds until{};  // on the rendition's media clock
  };
  void resume();
  void restart_after(uint64_t last_number);
  bool write_init();
  bool open_segment();
  bool write_part(Bytes head, std::span<const Buffer> payload);
  void lose_segment(std::string reason);
  bool write_playlist();
  void trim_window();
  void retire(const Segment& segment, uint64_t number);
  bool remove_retired(bool early);
  void count_rates(const Segment& segment);
  std::string path(const std::string& name) const { return (options_.directory / name).string(); }

  RenditionOptions options_;
  MediaPlaylist playlist_;
  uint64_t durable_first_ = 0;  // media sequence of the playlist that is on the disk
  std::deque<Retired> retired_;
  Segment open_;
  uint64_t open_bytes_ = 0;
  os::Fd file_;
  bool is_open_ = false, lost_ = false, discontinuity_ = false, resumed_ = false;
  std::vector<uint8_t> init_;  // what the next segments need
  std::string map_;            // its file; empty while it could not be written
  uint64_t init_number_ = 0, gaps_ = 0;
  Nanoseconds clock_{};  // media published by this object
  RateMeter meter_;
  std::string error_;
};

}  // namespace stream::hls
