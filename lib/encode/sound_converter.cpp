#include "encode/sound_converter.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace stream::media {

namespace {

// Times of the source are followed when they are further off than this; less is jitter.
constexpr int kMaxDrift = 20;  // parts of a second

int rate_for(const av::Track& track, const std::string& codec) {
  return codec == "opus" || track.sample_rate <= 0 ? 48000 : std::min(track.sample_rate, 96000);
}

av::AudioEncoding encoding(const av::Track& track, const std::string& codec, int max_channels) {
  av::AudioEncoding o;
  o.encoder = codec == "opus" ? "libopus" : "aac";
  o.sample_rate = rate_for(track, codec);
  o.channels = std::clamp(track.channels, 1, max_channels);
  o.bit_rate = 64000 * o.channels;
  return o;
}

}  // namespace

SoundConverter::SoundConverter(const av::Track& track, const std::string& codec, int max_channels)
    : rate_(rate_for(track, codec)),
      channels_(std::clamp(track.channels, 1, max_channels)),
      base_(track.time_base),
      decoder_(track),
      resampler_(rate_, channels_),
      encoder_(encoding(track, codec, max_channels)),
      waiting_(static_cast<size_t>(channels_)) {}

std::vector<av::Packet> SoundConverter::convert(const av::Packet& packet) {
  index_ = packet.track;
  if (packet.mark) {
    av::Mark mark = *packet.mark;
    mark.extradata = {};
    mark_ = std::make_shared<const av::Mark>(std::move(mark));
  }
  decoder_.send(packet);
  std::vector<av::Packet> out;
  receive(out);
  return out;
}

std::vector<av::Packet> SoundConverter::finish() {
  std::vector<av::Packet> out;
  decoder_.finish();
  receive(out);
  encode(out, true);
  encoder_.finish();
  while (auto packet = encoder_.receive()) {
    packet->track = index_;
    out.push_back(std::move(*packet));
  }
  return out;
}

void SoundConverter::receive(std::vector<av::Packet>& out) {
  while (const auto frame = decoder_.receive()) {
    const av::Frame sound = resampler_.convert(*frame);
    if (!sound || sound.samples() == 0) continue;
    const auto waiting = static_cast<int64_t>(waiting_[0].size());
    if (frame->pts() != kNoTime) {
      const int64_t at = rescale(frame->pts(), base_, {1, rate_});
      if (!position_ || std::llabs(at - (*position_ + waiting)) > rate_ / kMaxDrift) {
        if (waiting > 0) encode(out, true);
        position_ = at;
      }
    }
    if (!position_) continue;
    for (int c = 0; c < channels_; ++c) {
      auto& samples = waiting_[static_cast<size_t>(c)];
      samples.insert(samples.end(), sound.channel(c), sound.channel(c) + sound.samples());
    }
    encode(out, false);
  }
}

void SoundConverter::encode(std::vector<av::Packet>& out, bool rest) {
  const int size = encoder_.frame_samples() > 0 ? encoder_.frame_samples() : 960;
  while (position_ && !waiting_[0].empty()) {
    const int there = static_cast<int>(std::min<size_t>(waiting_[0].size(), INT32_MAX));
    if (there < size && !rest) return;
    // Encoders take one short frame only, the very last: a hole's edge is filled with silence.
    av::Frame frame = av::Frame::sound(rate_, channels_, size);
    const int n = std::min(there, size);
    for (int c = 0; c < channels_; ++c) {
      auto& samples = waiting_[static_cast<size_t>(c)];
      std::copy(samples.begin(), samples.begin() + n, frame.channel(c));
      samples.erase(samples.begin(), samples.begin() + n);
    }
    frame.set_pts(*position_);
    *position_ += size;
    encoder_.send(frame);
    while (auto packet = encoder_.receive()) {
      packet->track = index_;
      packet->mark = std::exchange(mark_, nullptr);
      out.push_back(std::move(*packet));
    }
  }
}

}  // namespace stream::media
