// Joins sittings of several sources in one hub, to the contract of stream(7): tracks are mapped
// onto those that the hub has and rescaled to their clocks, so that its readers stay; the first
// packet of each track of a sitting carries the session, a discontinuity and, when it differs, the
// new configuration. Sources that fit in no way end the readers' sitting. One thread.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "media/hub.h"
#include "media/timeline.h"

namespace stream::media {

class Splicer {
 public:
  Splicer(Hub& out, Timeline& timeline) : out_(out), timeline_(timeline) {}

  // What follows is another source's, whose times are in order already. `first` is its first
  // packet: what lies before that is dropped.
  void begin(const av::Tracks& tracks, const av::Packet& first, std::string session);
  // `track` describes the packet's track from here on, when its mark has new extradata.
  void push(const av::Packet& packet, Nanoseconds arrival, const av::Track* track = nullptr);

  // Nominal or as measured; {0, 1}: not known yet.
  Rational frame_rate() const;

 private:
  struct Lane {
    int to = -1;  // track of the hub
    Rational from_base;
    bool fresh = true, keyed = false;
    Buffer changed;  // configuration to come into force
    av::Track track;
  };
  bool map(const av::Tracks& tracks);

  Hub& out_;
  Timeline& timeline_;
  std::vector<Lane> lanes_;
  std::string session_;
  bool resumes_ = false;
  int64_t pictures_ = 0;
  Nanoseconds pictures_from_{0}, pictures_to_{0};
};

}  // namespace stream::media
