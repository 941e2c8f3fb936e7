// Packets of a media file, damaged ones too: MP4 by our own reader, which finds what a crash has
// left, everything else by libavformat. One thread.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "av/packet.h"
#include "av/track.h"

namespace stream::media {

class FileSource {
 public:
  virtual ~FileSource() = default;
  virtual const av::Tracks& tracks() const = 0;
  // Every packet is whole and has its times; nullopt: the end of what can be read.
  virtual std::optional<av::Packet> read() = 0;
  virtual bool damaged() const = 0;  // something was left out so far
};

// Throws Error "os" or "input.open" naming the path.
std::unique_ptr<FileSource> open_source(const std::string& path);

// What an MP4 holds, found without reading its media; nullopt for what is none.
struct Mp4Summary {
  Nanoseconds duration{};
  std::vector<uint64_t> samples;  // per track
};
std::optional<Mp4Summary> summarize_mp4(const std::string& path);

}  // namespace stream::media
