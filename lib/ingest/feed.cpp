#include "ingest/feed.h"

#include <algorithm>
#include <utility>

#include "codec/description.h"

namespace stream::media {
namespace {

constexpr size_t kMaxHeld = 200;

}  // namespace

Feed::Feed(Hub& hub, Timeline& timeline, av::Tracks tracks, std::string session)
    : hub_(hub),
      timeline_(timeline),
      tracks_(std::move(tracks)),
      session_(std::move(session)),
      resumes_(hub.announced()),
      seen_(tracks_.size()),
      fresh_(tracks_.size(), true),
      keyed_(tracks_.size()) {}

void Feed::push(av::Packet packet) {
  if (packet.dts == kNoTime) packet.dts = packet.pts;
  if (packet.pts == kNoTime) packet.pts = packet.dts;
  if (packet.dts == kNoTime) return;  // undated packets cannot be placed
  if (begun_) return stamp(std::move(packet));
  seen_[static_cast<size_t>(packet.track)] = true;
  held_.push_back(std::move(packet));
  const bool all = std::all_of(seen_.begin(), seen_.end(), [](bool s) { return s; });
  if (all || held_.size() >= kMaxHeld) begin();
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
