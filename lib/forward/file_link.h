// A destination that is a file: FLV, MPEG-TS or Matroska by its name. A file is never written over:
// a name that is taken gets -2, -3 and so on; a new codec configuration begins a new file. Written
// by a thread of its own, so that a slow disk is a slow destination. On the io context's thread.
#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "av/track.h"
#include "forward/link.h"

namespace stream::media {

// FFmpeg's name of the container for a path, and the sound that it takes, as in ForwardProfile.
struct FileKind {
  std::string format, sound_codecs;
};
// Throws Error kUsage "destination.url" for a name that says none of them.
FileKind file_kind(const std::string& path);

// `tracks`: what the messages' packets are of.
std::shared_ptr<ForwardLink> make_file_link(boost::asio::io_context& io, std::string path,
                                            std::function<av::Tracks()> tracks,
                                            ForwardLinkHost& host);

}  // namespace stream::media
