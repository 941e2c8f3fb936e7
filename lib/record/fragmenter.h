// Turns packets into the runs of one MP4 file's fragments: times in the track's own scale from the
// file's start on, H.264 and HEVC with lengths, AAC without ADTS headers. No I/O, no clock.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "av/packet.h"
#include "av/track.h"
#include "mp4/fragment.h"

namespace stream::media {

class Fragmenter {
 public:
  // Throws Error mp4.codec or codec.config for a track that MP4 can't hold. AAC without extradata,
  // AC-3 and E-AC-3 are configured by their first packet.
  explicit Fragmenter(const av::Tracks& tracks);

  // New codec configuration. Only before the first packet of that track in this file.
  void reconfigure(const av::Track& track, int index);
  bool has_samples(int track) const {
    return tracks_.at(static_cast<size_t>(track)).last_dts != kNoTime;
  }

  // True when what is held should be written before `packet` is added: it is a keyframe, or enough
  // is held.
  bool due(const av::Packet& packet) const;
  // False when its time is not after the one before on its track; nothing is added then.
  bool add(const av::Packet& packet);
  bool empty() const { return held_ == 0; }
  size_t held() const { return held_; }
  Nanoseconds first_held() const { return first_held_; }  // decoding time

  // What is held, in the order of the tracks. The first call fixes the file's start.
  std::span<const mp4::TrackRun> runs();
  void clear();
  // Only after the first runs().
  std::vector<mp4::TrackConfig> configs() const;
  // When the movie starts on the file's timeline: not before 0 of the source, where encoders put
  // priming.
  Nanoseconds origin() const { return origin_; }

 private:
  struct TrackState {
    av::Track track;
    std::optional<mp4::TrackConfig> config;  // late for the codecs without a record
    uint32_t timescale = 90000;
    bool annexb = false, adts = false;
    int64_t last_dts = kNoTime;  // own ticks, of the source's timeline
    int64_t last_duration = 0;
  };
  void configure(TrackState& state, size_t index, Bytes extradata);
  Buffer payload(TrackState& state, size_t index, const av::Packet& packet);
  Nanoseconds dts(const av::Packet& packet) const;

  std::vector<TrackState> tracks_;
  std::vector<mp4::TrackRun> runs_;  // times of the source until runs() is called
  size_t held_ = 0;
  bool shifted_ = false;  // runs_ are on the file's timeline
  Nanoseconds first_held_{};
  std::optional<Nanoseconds> base_;  // source time of the file's 0
  Nanoseconds origin_{};
};

}  // namespace stream::media
