// One sitting of a publisher: its messages, in the form that RTMP gives them, become announced
// tracks and packets to the contract of stream(7), into a hub that outlives it. It decides when the
// tracks are known, what is dropped until it can be decoded, and which codecs are refused. Pure but
// for the hub it feeds. One thread.
//
// Every track of a new sitting marks its first packet with the session (and, from the second
// sitting of a hub on, as a discontinuity); a jump of the publisher's clock is marked per track.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codec/description.h"
#include "media/hub.h"
#include "media/timeline.h"
#include "rtmp/flv_tag.h"
#include "rtmp/server_session.h"

namespace stream::media {

struct PublicationOptions {
  std::string session;
  std::vector<std::string> codecs;  // FFmpeg's names; empty: all that the bus carries
  Rational clock{1, 1000};          // of the publisher's times
  Nanoseconds announce_wait = std::chrono::milliseconds(1500);
  // Tracks that appear later end the sitting of the readers, who come back; false: they are left
  // out (a pipe cannot come back).
  bool late_tracks = true;
  std::function<void(const std::string&)> notice;  // what the operator should know, once each
};

class Publication {
 public:
  // A hub's sittings share one timeline.
  Publication(Hub& hub, Timeline& timeline, PublicationOptions options);

  // A text when the publisher must be refused for it (a codec that is not taken): why.
  // The first form unwraps RTMP's time; the second takes the decoding time in `clock`.
  std::optional<std::string> take(rtmp::Media media, Nanoseconds now);
  std::optional<std::string> take(rtmp::Media media, int64_t dts, Nanoseconds now);
  void metadata(const rtmp::Metadata& metadata);
  // To be called a few times a second: announces when waiting is over.
  void tick(Nanoseconds now);
  // Hands out what is still held back.
  void finish();

  struct TrackInfo {
    uint64_t packets = 0, bytes = 0, dropped = 0;
  };
  // In the order of the hub's tracks.
  std::vector<TrackInfo> tracks() const;
  uint64_t media_packets() const noexcept { return packets_; }  // handed to the hub

 private:
  struct Source {  // a track as the publisher has it
    rtmp::MediaKind kind{};
    uint8_t id = 0;
    av::Track track;
    bool configured = false, adts = false, dead = false;
    bool taken = false;     // its codec is one that is accepted
    bool wait_key = false;  // pictures only
    Buffer changed;         // configuration to come into force
    int index = -1;         // in the hub; -1: not announced
    bool fresh = true;      // its first packet carries the session
    uint64_t packets = 0, bytes = 0, dropped = 0;
  };
  struct Held {
    size_t source;
    rtmp::Media media;
    int64_t dts;
    Nanoseconds arrival;
  };

  size_t source_of(const rtmp::Media& media);
  std::optional<std::string> refuse(const rtmp::Media& media, Source& source);
  void configure(Source& source, const rtmp::Media& media);
  bool configure_from_frame(Source& source, const rtmp::Media& media);
  void follow_in_band(Source& source, const Buffer& frame);
  bool describe(Source& source, const Buffer& record);
  bool strip_adts(Source& source, rtmp::Media& media);
  void hold(size_t source, rtmp::Media media, int64_t dts, Nanoseconds now);
  bool complete(Nanoseconds now) const;
  void announce();
  void announce_late(const rtmp::Media& media, size_t from, Nanoseconds now);
  void add_to(av::Tracks& tracks, Source& source);
  Timeline::Raw raw_of(const Source& source, const rtmp::Media& media, int64_t dts) const;
  void emit(Source& source, rtmp::Media media, int64_t dts, Nanoseconds arrival);
  void notice(const std::string& text);

  Hub& hub_;
  Timeline& timeline_;
  PublicationOptions options_;
  Unwrapper unwrap_{rtmp::kTimestampBits};
  std::vector<Source> sources_;
  std::deque<Held> held_;
  size_t held_bytes_ = 0;
  bool declared_ = false, declares_video_ = false, declares_audio_ = false;
  Rational frame_rate_;
  bool announced_ = false, resumes_ = false;
  std::optional<Nanoseconds> first_, late_since_;
  uint64_t packets_ = 0;
  std::vector<std::string> noticed_;
};

}  // namespace stream::media
