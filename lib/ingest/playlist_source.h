// Files that are played one after the other as one source, joined so that the last picture of one
// is followed by the first of the next at the distance of a picture.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "ingest/source.h"

namespace stream::media {

struct Playlist {
  // Paths, in order; asked at the start of each round. Throws Error; after the first round what it
  // gave last is played again then.
  std::function<std::vector<std::string>()> files;
  bool loop = false;
  // An item begins, or can't be played and is left out. On the source's thread.
  std::function<void(const std::string& file)> begins;
  std::function<void(const std::string& file, const std::string& reason)> left_out;
};

// The first file says what the tracks are. One of another codec or framing is left out. Throws
// Error "playlist.empty" when a whole round had nothing to play.
OpenSource playlist_source(Playlist playlist);

}  // namespace stream::media
