#include "media/repair.h"

#include <algorithm>
#include <utility>

namespace stream::media {
namespace {

// The timeline has nothing before 0, where a source's priming and reordered pictures may be.
constexpr Nanoseconds kLead = std::chrono::seconds(1);
constexpr Nanoseconds kFar = std::chrono::seconds(1);
constexpr size_t kMostWaiting = 500;  // packets behind one that waits for its track's next

}  // namespace

TimeRepair::TimeRepair(const av::Tracks& tracks, const std::deque<av::Packet>& preview, Kind kind)
    : kind_(kind) {
  Nanoseconds earliest = preview.empty() ? Nanoseconds{0} : Nanoseconds::max();
  for (const av::Packet& p : preview) {
    const Rational base = tracks[static_cast<size_t>(p.track)].time_base;
    earliest = std::min(earliest, Nanoseconds(rescale(p.dts, base, kNanosecondBase)));
  }
  begin_ = earliest - kLead;
  std::vector<Timeline::TrackTime> times;
  for (const av::Track& track : tracks) {
    add_line(track);
    times.push_back({track.time_base, 0});
  }
  std::vector<Timeline::Raw> raw{{0, 0, 0}};  // its start, so that nothing is moved
  for (const av::Packet& p : preview) {
    const int64_t move = lines_[static_cast<size_t>(p.track)].move;
    raw.push_back({p.track, p.dts + move, p.pts + move});
  }
  timeline_.begin(times, raw);
}

void TimeRepair::add_line(const av::Track& track) {
  Line line;
  line.move = -rescale(begin_.count(), kNanosecondBase, track.time_base);
  line.far = rescale(kFar.count(), kNanosecondBase, track.time_base);
  lines_.push_back(line);
}

void TimeRepair::follow(const av::Tracks& tracks) {
  while (lines_.size() < tracks.size()) {
    const av::Track& track = tracks[lines_.size()];
    add_line(track);
    timeline_.add_track({track.time_base, 0});
  }
}

void TimeRepair::push(av::Packet packet, Nanoseconds arrival) {
  held_.push_back({std::move(packet), arrival});
}

bool TimeRepair::is_gap(const av::Packet& first) const {
  const Line& line = lines_[static_cast<size_t>(first.track)];
  return kind_ == Kind::kFile && line.last && first.dts - *line.last > line.far;
}

// Until it is seen whether the track goes on from there.
bool TimeRepair::must_wait(const av::Packet& first) const {
  const auto same_track = [&](const Held& held) { return held.packet.track == first.track; };
  return !finished_ && held_.size() < kMostWaiting &&
         std::none_of(held_.begin() + 1, held_.end(), same_track);
}

std::optional<av::Packet> TimeRepair::pop() {
  while (!held_.empty()) {
    if (is_gap(held_.front().packet) && must_wait(held_.front().packet)) break;
    Held held = std::move(held_.front());
    held_.pop_front();
    if (auto packet = stamp(std::move(held))) return packet;
  }
  return std::nullopt;
}

std::optional<av::Packet> TimeRepair::stamp(Held held) {
  av::Packet& packet = held.packet;
  Line& line = lines_[static_cast<size_t>(packet.track)];
  Timeline::Raw raw{packet.track, packet.dts + line.move, packet.pts + line.move};
  const bool jumps = is_gap(packet);
  if (jumps) {
    const auto next = std::find_if(held_.begin(), held_.end(), [&](const Held& later) {
      return later.packet.track == packet.track;
    });
    raw.gap = next == held_.end() || next->packet.dts > packet.dts;
  }
  if (!jumps || raw.gap) line.last = packet.dts;
  const auto stamp = timeline_.stamp(
      raw, kind_ == Kind::kFile ? std::nullopt : std::optional<Nanoseconds>(held.arrival));
  if (!stamp) return std::nullopt;
  packet.dts = stamp->dts - line.move;
  packet.pts = stamp->pts - line.move;
  if (stamp->discontinuity) {
    av::Mark mark = packet.mark ? *packet.mark : av::Mark{};
    mark.discontinuity = true;
    packet.mark = std::make_shared<const av::Mark>(std::move(mark));
  }
  return std::move(packet);
}

}  // namespace stream::media
