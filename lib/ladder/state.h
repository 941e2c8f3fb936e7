// The inside of Ladder: what its main thread knows. Included by ladder*.cpp only.
#pragma once
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "av/progressive_decoder.h"
#include "ladder/ladder.h"
#include "ladder/master.h"
#include "ladder/picture_clock.h"
#include "ladder/pictures.h"
#include "ladder/rung_bus.h"
#include "ladder/shed.h"

namespace stream::media {

struct Ladder::State {
  explicit State(LadderOptions o)
      : options(std::move(o)), master(options.output, options.spec.vod), shedder(1) {}

  // A rung and what it is now.
  struct Line {
    std::unique_ptr<Rung> rung;
    PlannedRung planned;
    bool fresh = true;    // has no numbers yet
    bool begun = false;   // knows the epoch
    bool paused = false;  // as of the segment that is being made
  };

  LadderOptions options;
  MasterBook master;
  std::unique_ptr<LadderBus> bus;  // outlives the rungs and the sound; may be absent
  std::unique_ptr<LadderFeed> feed;
  av::Tracks tracks;
  int video = -1, audio = -1;
  SourceFacts facts;

  std::optional<av::ProgressiveDecoder> decoder;
  uint64_t damaged_before = 0;
  std::vector<Line> lines;  // largest first
  std::unique_ptr<SoundPath> sound;
  std::optional<Cascade> cascade;
  PictureClock clock;
  Size source_size;

  bool fresh_sound = false;
  int64_t shift = 0;  // of the source's times, so that decoding times are not negative
  EpochPtr epoch;
  GridPtr grid;
  uint64_t discontinuities = 0;    // before the epoch's first segment, in every rendition
  bool epoch_pending = false;      // the next picture begins one,
  int64_t epoch_from = INT64_MIN;  // that is not before this
  bool clock_jumped = false;       // the next keyframe does
  bool copying = false;            // the top rung is the source's own packets
  int64_t copied_segment = -1, last_key = 0, copied_end = INT64_MIN;
  int64_t segment = -1;  // of the picture emitted last
  av::Frame last_picture;
  std::deque<av::Packet> waiting_sound;  // before the first epoch

  Shedder shedder;
  Nanoseconds looked{}, told_dropped{};
  uint64_t dropped_told = 0;
  std::atomic<bool> stopping{false};
  mutable std::mutex mutex;  // of `status`, and of `lines` and `sound` where they change
  LadderStatus status;

  // ladder.cpp: the flow of packets and pictures
  void work();
  void on_tracks();
  void on_packet(av::Packet packet);
  void on_video(av::Packet packet);
  void on_audio(av::Packet packet);
  void open_decoder();
  void drain_decoder();
  void receive_frames();
  void on_frame(av::Frame frame);
  void emit(av::Frame frame, int64_t pts);
  void emit_rung(Line& line, av::Frame frame, bool first);
  bool begins_anew(const av::Packet& packet);
  void copy_packet(const av::Packet& packet, int64_t pts);
  int64_t copy_patience() const;
  void tell_started(const PlannedRung& rung, const EventValue& reason) const;
  void stop_copying(int64_t pts);
  void send_sound(av::Packet packet);
  void repeat_until(int64_t pts);
  void look_at_load(int64_t pts);
  void tell_load(Shedder::Change change, Nanoseconds backlog);
  void end();

  // ladder_epochs.cpp: what exists, and when it begins
  void start(Size size, int64_t first_picture);
  void begin_epoch(int64_t origin, Size size);
  Plan plan_for(Size size) const;
  void check_encoders(const Plan& plan) const;
  void take_plan(const Plan& plan);
  void add_sound();
  void number_renditions(Epoch& next);
  void begin_line(Line& line, bool bt601);
  bool in_files() const { return !options.output.empty(); }
  std::optional<hls::RenditionOptions> files(const std::string& name) const;
  Nanoseconds segment_length() const;

  const av::Track* video_track() const { return video < 0 ? nullptr : &tracks[size_t(video)]; }
  const av::Track* audio_track() const { return audio < 0 ? nullptr : &tracks[size_t(audio)]; }
  int64_t ticks(int64_t time, int track) const {
    return rescale(time, tracks[size_t(track)].time_base, kLadderBase) + shift;
  }
  bool muxes_sound() const {
    return in_files() && options.spec.format == hls::Format::kTs && !lines.empty();
  }
};

}  // namespace stream::media
