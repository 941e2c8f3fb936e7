#include "forward/stand_in.h"

#include <algorithm>

#include "av/decoder.h"
#include "base/error.h"
#include "base/log.h"

namespace stream::media {
namespace {

// More than this of one group is not kept: its keyframe stands for it then.
constexpr size_t kMostPackets = 600, kMostBytes = 16u << 20;

av::Frame last_picture(const av::Track& track, const std::vector<av::Packet>& group) {
  av::Decoder decoder(track);
  av::Frame last;
  const auto receive = [&] {
    while (auto frame = decoder.receive()) last = std::move(*frame);
  };
  for (const av::Packet& packet : group) {
    decoder.send(packet);
    receive();
  }
  decoder.finish();
  receive();
  return last;
}

std::shared_ptr<const Slate> make(const av::Tracks& tracks, const std::vector<av::Packet>& group) {
  SlateSource source;
  if (!group.empty())
    source.picture = last_picture(tracks.at(static_cast<size_t>(group.front().track)), group);
  const bool video = std::any_of(tracks.begin(), tracks.end(), [](const av::Track& track) {
    return track.type == av::MediaType::kVideo;
  });
  if (video && !source.picture) return nullptr;
  return std::make_shared<const Slate>(Slate::make(source, tracks));
}

}  // namespace

void StandIn::saw(const av::Packet& packet, const av::Tracks& tracks) {
  if (tracks[static_cast<size_t>(packet.track)].type != av::MediaType::kVideo) return;
  if (packet.key) {
    group_.clear();
    group_bytes_ = 0;
    full_ = false;
  } else if (full_ || group_.empty() || packet.track != group_.front().track) {
    return;
  }
  group_.push_back(packet);
  group_bytes_ += packet.data.size();
  if (packet.mark && !packet.mark->extradata.empty()) extradata_ = packet.mark->extradata;
  full_ = group_.size() > kMostPackets || group_bytes_ > kMostBytes;
  if (full_) group_.resize(1);
}

void StandIn::start(const av::Tracks& tracks) {
  stop();
  tracks_ = tracks;
  if (!group_.empty() && static_cast<size_t>(group_.front().track) >= tracks.size()) group_.clear();
  if (!group_.empty() && !extradata_.empty())
    tracks_[static_cast<size_t>(group_.front().track)].extradata = extradata_;
  told_.assign(tracks.size(), false);
  wanted_ = std::make_shared<bool>(true);
  const bool started = offload_.run([this, wanted = wanted_, tracks = tracks_, group = group_] {
    std::shared_ptr<const Slate> slate;
    try {
      slate = make(tracks, group);
    } catch (const Error& e) {
      log::warning(std::string("no slate: ") + e.what());
    }
    return [this, wanted, slate] {
      if (!*wanted || !slate) return;
      slate_ = slate;
      player_ = std::make_unique<SlatePlayer>(*slate_);
    };
  });
  if (!started) log::warning("no slate: too much else is under way");
}

void StandIn::stop() {
  if (wanted_) *wanted_ = false;
  player_.reset();
  slate_.reset();
}

std::optional<av::Packet> StandIn::due(Nanoseconds elapsed) {
  if (!player_ || player_->next_time() > elapsed) return std::nullopt;
  av::Packet packet = player_->next();
  const size_t index = static_cast<size_t>(packet.track);
  const av::Track& made = slate_->loops()[index].track;
  packet.dts = rescale(packet.dts, made.time_base, tracks_[index].time_base);
  packet.pts = rescale(packet.pts, made.time_base, tracks_[index].time_base);
  if (!told_[index] && !made.extradata.empty()) {
    auto mark = std::make_shared<av::Mark>();
    mark->extradata = made.extradata;
    packet.mark = std::move(mark);
  }
  told_[index] = true;
  return packet;
}

}  // namespace stream::media
