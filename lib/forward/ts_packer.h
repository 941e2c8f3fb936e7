// A sitting's media as MPEG-TS. What the muxer does not take is one packet that is lost, and with a
// picture those up to the next keyframe, which could not be shown without it; many in a row are an
// error. On the link's thread.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "av/output.h"
#include "forward/types.h"

namespace stream::media {

// Where the packets of the messages come from; asked when media begins, and when it changes.
using TracksSource = std::function<av::Tracks()>;

class TsPacker {
 public:
  using Lost = std::function<void(bool video, const std::string& reason)>;

  TsPacker(TracksSource tracks, Lost lost) : source_(std::move(tracks)), lost_(std::move(lost)) {}

  // Appends what becomes of the message to `bytes`. Throws Error: kUnsupported when MPEG-TS can't
  // hold the tracks, another when nothing of a track is taken any more.
  void add(const ForwardMessage& message, int64_t offset_ms, std::vector<uint8_t>& bytes);

 private:
  void renew();
  void write(const ForwardMessage& message, int64_t offset_ms);

  const TracksSource source_;
  const Lost lost_;
  std::optional<av::Output> output_;
  av::Tracks tracks_;               // what the output was made for
  std::vector<int> lost_in_a_row_;  // by track
  bool changed_ = false;            // another configuration was told, perhaps
  bool waits_for_key_ = false;
  std::string reason_;  // of what was lost last
  std::vector<uint8_t>* bytes_ = nullptr;
};

}  // namespace stream::media
