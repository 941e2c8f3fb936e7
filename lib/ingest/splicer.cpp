#include "ingest/splicer.h"

#include <utility>

namespace stream::media {
namespace {

constexpr int64_t kMeasured = 10;  // pictures that show the rate

}  // namespace

// Each track onto the hub's next one of its kind and codec; false when one has none.
bool Splicer::map(const av::Tracks& tracks) {
  const av::Tracks& there = out_.tracks();
  std::vector<bool> taken(there.size());
  for (size_t i = 0; i < tracks.size(); ++i) {
    for (size_t k = 0; k < there.size() && lanes_[i].to < 0; ++k) {
      if (taken[k] || there[k].type != tracks[i].type || there[k].codec != tracks[i].codec)
        continue;
      lanes_[i].to = static_cast<int>(k);
      taken[k] = true;
    }
    if (lanes_[i].to < 0) return false;
  }
  return true;
}

void Splicer::begin(const av::Tracks& tracks, const av::Packet& first, std::string session) {
  session_ = std::move(session);
  resumes_ = out_.announced();
  lanes_.assign(tracks.size(), Lane{});
  if (!resumes_ || !map(tracks)) {
    for (size_t i = 0; i < tracks.size(); ++i) lanes_[i].to = static_cast<int>(i);
    out_.announce(tracks);
  }
  for (size_t i = 0; i < tracks.size(); ++i) {
    Lane& lane = lanes_[i];
    const av::Track& there = out_.tracks()[static_cast<size_t>(lane.to)];
    lane.from_base = tracks[i].time_base;
    lane.track = tracks[i];
    lane.track.time_base = there.time_base;
    if (!(there.extradata == tracks[i].extradata)) lane.changed = tracks[i].extradata;
  }
  std::vector<Timeline::TrackTime> times;
  for (const av::Track& track : out_.tracks()) times.push_back({track.time_base, 0});
  const Lane& lane = lanes_[static_cast<size_t>(first.track)];
  const Rational base = out_.tracks()[static_cast<size_t>(lane.to)].time_base;
  const Timeline::Raw raw{lane.to, rescale(first.dts, lane.from_base, base),
                          rescale(first.pts, lane.from_base, base)};
  timeline_.begin(times, {&raw, 1});
  pictures_ = 0;
}

void Splicer::push(const av::Packet& in, Nanoseconds arrival, const av::Track* track) {
  Lane& lane = lanes_.at(static_cast<size_t>(in.track));
  const bool video = lane.track.type == av::MediaType::kVideo;
  if (video && !in.key && !lane.keyed) return;
  const Rational base = lane.track.time_base;
  const auto stamp = timeline_.stamp(
      {lane.to, rescale(in.dts, lane.from_base, base), rescale(in.pts, lane.from_base, base)},
      arrival);
  if (!stamp) return;
  lane.keyed = true;
  av::Packet packet = in;
  packet.track = lane.to;
  packet.dts = stamp->dts;
  packet.pts = stamp->pts;
  packet.duration = rescale(in.duration, lane.from_base, base);
  if (track) {
    lane.track = *track;
    lane.track.time_base = base;
  }
  if (lane.fresh || stamp->discontinuity) {
    av::Mark mark = in.mark ? *in.mark : av::Mark{};
    if (lane.fresh) mark.session = session_;
    mark.discontinuity |= stamp->discontinuity || (lane.fresh && resumes_);
    if (mark.extradata.empty()) mark.extradata = lane.changed;
    packet.mark = std::make_shared<const av::Mark>(std::move(mark));
    lane.fresh = false;
    lane.changed = {};
  }
  if (video && pictures_++ == 0)
    pictures_from_ = Nanoseconds(rescale(packet.dts, base, kNanosecondBase));
  if (video) pictures_to_ = Nanoseconds(rescale(packet.dts, base, kNanosecondBase));
  const bool changes = packet.mark && !packet.mark->extradata.empty();
  if (changes) lane.track.extradata = packet.mark->extradata;
  out_.push(packet, changes ? &lane.track : nullptr);
}

Rational Splicer::frame_rate() const {
  for (const av::Track& track : out_.tracks())
    if (track.type == av::MediaType::kVideo && track.frame_rate.known()) return track.frame_rate;
  if (pictures_ < kMeasured || pictures_to_ <= pictures_from_) return {};
  const auto span = std::chrono::duration<double>(pictures_to_ - pictures_from_).count();
  return {static_cast<int64_t>(static_cast<double>(pictures_ - 1) / span + 0.5), 1};
}

}  // namespace stream::media
