// Sound of one codec to another, for a container that can't take it as it is. Holes of the source
// stay holes. One thread.
#pragma once
#include <optional>
#include <vector>

#include "av/decoder.h"
#include "av/encoder.h"
#include "av/resampler.h"

namespace stream::media {

class SoundConverter {
 public:
  // `codec`: aac or opus; of more channels than `max_channels` that many are made. Throws Error
  // "codec.decoder" or "encoder.absent".
  SoundConverter(const av::Track& track, const std::string& codec, int max_channels = 8);

  // What comes out: as in `track`, but for codec and times.
  const av::Track& track() const { return encoder_.track(); }
  // Marks stay on the first packet that comes of theirs.
  std::vector<av::Packet> convert(const av::Packet& packet);
  std::vector<av::Packet> finish();

 private:
  void receive(std::vector<av::Packet>& out);
  void encode(std::vector<av::Packet>& out, bool rest);

  int rate_, channels_;
  Rational base_;
  av::Decoder decoder_;
  av::Resampler resampler_;
  av::Encoder encoder_;
  std::vector<std::vector<float>> waiting_;  // per channel, less than a frame between calls
  std::optional<int64_t> position_;          // of the first sample that waits, in samples
  std::shared_ptr<const av::Mark> mark_;
  int index_ = 0;
};

}  // namespace stream::media
