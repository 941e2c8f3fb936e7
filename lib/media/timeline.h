// Timeline repair: the decoding and presentation times that sources send, made to the contract of
// stream(7): near 0 at the start, DTS strictly increasing per track, PTS >= DTS, no steps. An
// outlier is restamped; a jump that lasts, and a new sitting of the publisher, go on behind what
// was stamped. Pure: no clock, no packets. One thread.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/time.h"

namespace stream::media {

// Counters of `bits` bits that wrap, as one 64-bit line. Shared by the tracks of a source, whose
// counters may wrap at different moments.
class Unwrapper {
 public:
  explicit Unwrapper(int bits) : bits_(bits) {}
  int64_t operator()(uint64_t value);

 private:
  int bits_;
  std::optional<int64_t> last_;
};

class Timeline {
 public:
  // In the track's time base; unwrapped.
  struct Raw {
    int track = 0;
    int64_t dts = 0, pts = 0;
    bool gap = false;  // the source goes on from here: a gap before it, if not too long, is true
  };
  struct Stamp {
    int64_t dts = 0, pts = 0;
    bool discontinuity = false;  // a jump that lasts was bridged here, on this track
  };
  struct TrackTime {
    Rational base{1, 1000};
    // Ticks per packet where constant (audio): times are then rebuilt from the count and follow the
    // source's clock by single ticks, which takes the millisecond jitter of RTMP away. 0: not
    // constant.
    int64_t packet_ticks = 0;
  };

  // Begins a sitting: the earliest time of `preview`, the first packets of the source in any order,
  // continues where the last sitting ended (0 at first). The preview also shows composition times
  // that need the decoding times moved.
  void begin(const std::vector<TrackTime>& tracks, std::span<const Raw> preview);
  // A track that appeared during the sitting; its index is the next one.
  void add_track(const TrackTime& track);

  // The track's packets are no longer `packet_ticks` long.
  void set_irregular(int track) { tracks_.at(static_cast<size_t>(track)).time.packet_ticks = 0; }

  // nullopt: the packet lies before the start of the timeline and is to be dropped. `arrival` tells
  // a pause of the source from a jump of its clock; without it (files) every long gap that all
  // tracks share is a jump.
  std::optional<Stamp> stamp(const Raw& raw, std::optional<Nanoseconds> arrival);

  // Where the next sitting would begin.
  Nanoseconds end() const noexcept { return end_; }
  uint64_t restamped() const noexcept { return restamped_; }

 private:
  struct Track {
    TrackTime time;
    int64_t offset = 0;           // out = raw + offset
    int64_t late = 0;             // the first packet's time is this much after what it should be
    int64_t shift = 0;            // decoding times are moved down by this so that PTS >= DTS
    int64_t interval = 0;         // the usual distance of packets; 0: not known
    std::optional<int64_t> last;  // DTS stamped last, before the shift
    int64_t last_out = INT64_MIN;
    std::optional<Nanoseconds> arrival;
    struct Suspect {
      int64_t raw, out;
    };
    std::optional<Suspect> suspect;  // the packet before was far off and was restamped
  };

  int64_t ticks(const Track& track, Nanoseconds time) const;
  Nanoseconds time(const Track& track, int64_t t) const;
  bool plausible(const Track& track, int64_t candidate, std::optional<Nanoseconds> arrival) const;
  bool true_gap(const Track& track, const Raw& raw) const;
  bool near_other_track(const Track& track, int64_t candidate) const;
  bool adopt_other_clock(Track& track, int64_t raw);
  int64_t smooth(const Track& track, int64_t candidate) const;
  void align_first(Track& track, int64_t raw);
  int64_t late_start(int index, std::span<const Raw> preview) const;

  std::vector<Track> tracks_;
  // Of the sitting; of all that was stamped, in decoding and in presentation times.
  Nanoseconds start_{0}, end_{0}, shown_end_{0};
  uint64_t restamped_ = 0;
};

}  // namespace stream::media
