#include "ingest/feed.h"

#include <algorithm>
#include <utility>

#include "codec/description.h"

namespace stream::media {
namespace {

constexpr size_t kMaxHeldPackets = 200;
constexpr size_t kMaxUndated = 32;
constexpr int kUsualRate = 25;  // packets per second, of a track that does not say

}  // namespace

Feed::Feed(Hub& hub, Timeline& timeline, av::Tracks tracks, std::string session)
    : hub_(hub),
      timeline_(timeline),
      tracks_(std::move(tracks)),
      session_(std::move(session)),
      resumes_(hub.announced()),
      undated_(tracks_.size(), std::vector<av::Packet>()),
      seen_(tracks_.size()),
      fresh_(tracks_.size(), true),
      keyed_(tracks_.size()) {}

void Feed::push(av::Packet packet) {
  if (packet.dts == kNoTime) packet.dts = packet.pts;
  if (packet.pts == kNoTime) packet.pts = packet.dts;
  const auto track = static_cast<size_t>(packet.track);
  if (packet.dts == kNoTime) return hold_undated(std::move(packet));
  for (av::Packet& earlier : dated(track, packet)) push(std::move(earlier));
  if (begun_) return stamp(std::move(packet));
  seen_[track] = true;
  held_.push_back(std::move(packet));
  const bool all = std::all_of(seen_.begin(), seen_.end(), [](bool s) { return s; });
  if (all || held_.size() >= kMaxHeldPackets) begin();
}

// The first packets of a camera have no time until it has told its clock. Later ones can't be
// placed.
void Feed::hold_undated(av::Packet packet) {
  auto& undated = undated_[static_cast<size_t>(packet.track)];
  if (undated && undated->size() < kMaxUndated) undated->push_back(std::move(packet));
}

// What was held of the track, as it stands before its first packet that has a time.
std::vector<av::Packet> Feed::dated(size_t track, const av::Packet& first) {
  if (!undated_[track]) return {};
  std::vector<av::Packet> packets = std::move(*undated_[track]);
  undated_[track].reset();
  const av::Track& t = tracks_[track];
  const Rational length =
      t.frame_rate.known() ? Rational{t.frame_rate.den, t.frame_rate.num} : Rational{1, kUsualRate};
  const int64_t step = first.duration > 0 ? first.duration : rescale(1, length, t.time_base);
  int64_t at = first.dts;
  for (auto packet = packets.rbegin(); packet != packets.rend(); ++packet)
    packet->dts = packet->pts = at -= step;
  return packets;
}

void Feed::finish() {
  if (!begun_ && !held_.empty()) begin();
}

void Feed::begin() {
  begun_ = true;
  std::vector<Timeline::TrackTime> times;
  for (const av::Track& track : tracks_) times.push_back({track.time_base, 0});
  std::vector<Timeline::Raw> preview;
  for (const av::Packet& p : held_) preview.push_back({p.track, p.dts, p.pts});
  timeline_.begin(times, preview);
  hub_.announce(tracks_);
  for (av::Packet& packet : std::exchange(held_, {})) stamp(std::move(packet));
}

void Feed::stamp(av::Packet packet) {
  const auto track = static_cast<size_t>(packet.track);
  const bool video = tracks_[track].type == av::MediaType::kVideo;
  if (video && !packet.key && !keyed_[track]) return;
  const auto stamp = timeline_.stamp({packet.track, packet.dts, packet.pts}, std::nullopt);
  if (!stamp) return;
  keyed_[track] = true;
  packet.dts = stamp->dts;
  packet.pts = stamp->pts;
  const bool fresh = fresh_[track];
  fresh_[track] = false;
  if (fresh || stamp->discontinuity) {
    av::Mark mark = packet.mark ? *packet.mark : av::Mark{};
    if (fresh) mark.session = session_;
    mark.discontinuity |= stamp->discontinuity || (fresh && resumes_);
    packet.mark = std::make_shared<const av::Mark>(std::move(mark));
  }
  av::Track changed = tracks_[track];
  const bool changes = packet.mark && !packet.mark->extradata.empty();
  if (changes) {
    changed.extradata = packet.mark->extradata;
    const auto d = codec::describe(changed.codec, changed.extradata);
    if (d && d->width > 0) {
      changed.width = d->width;
      changed.height = d->height;
    }
  }
  hub_.push(packet, changes ? &changed : nullptr);
}

}  // namespace stream::media
