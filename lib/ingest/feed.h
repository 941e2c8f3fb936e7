// A source whose tracks are known from the start (a file, a URL, a test pattern) into a hub, to the
// contract of stream(7). On the hub's thread.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "media/hub.h"
#include "media/timeline.h"

namespace stream::media {

class Feed {
 public:
  Feed(Hub& hub, Timeline& timeline, av::Tracks tracks, std::string session);
  void push(av::Packet packet);
  // Hands out what is still held back.
  void finish();
  size_t tracks() const noexcept { return tracks_.size(); }

 private:
  void hold_undated(av::Packet packet);
  std::vector<av::Packet> dated(size_t track, const av::Packet& first);
  void begin();
  void stamp(av::Packet packet);

  Hub& hub_;
  Timeline& timeline_;
  av::Tracks tracks_;
  std::string session_;
  bool begun_ = false, resumes_ = false;
  std::vector<av::Packet> held_;  // until every track has shown its first time
  // By track, until it has shown its first time.
  std::vector<std::optional<std::vector<av::Packet>>> undated_;
  std::vector<bool> seen_, fresh_, keyed_;
};

}  // namespace stream::media
