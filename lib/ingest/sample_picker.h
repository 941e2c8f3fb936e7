// Chooses what of a stream is decoded for its checks: a keyframe and a short run of sound, each at
// most once per interval of media. Jobs may run on any thread, one at a time; what they give is for
// the thread of the Checks.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "ingest/checks.h"
#include "ingest/sampler.h"

namespace stream::media {

class SamplePicker {
 public:
  using Job = std::function<std::function<void(Checks&)>()>;
  SamplePicker(av::Tracks tracks, Nanoseconds interval);
  // A job when this packet completes one.
  std::optional<Job> packet(const av::Packet& packet);

 private:
  av::Tracks tracks_;
  Nanoseconds interval_;
  int video_ = -1, audio_ = -1;
  std::optional<Nanoseconds> last_picture_, last_sound_;
  std::vector<av::Packet> run_;
  std::shared_ptr<PictureSample> before_ = std::make_shared<PictureSample>();
};

}  // namespace stream::media
