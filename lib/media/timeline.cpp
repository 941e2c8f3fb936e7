#include "media/timeline.h"

#include <algorithm>
#include <cassert>
#include <cstdlib>

namespace stream::media {
namespace {

using namespace std::chrono_literals;

// Further from where a packet should be is a jump, not jitter.
constexpr Nanoseconds kJump = 1s;
// Back by more than this is a jump of the clock; by less it is jitter and is held in order.
constexpr Nanoseconds kBack = 100ms;
// A source that was silent for this long and says so truly has paused.
constexpr Nanoseconds kPause = 10s;
// A gap that is said to be true may be so long.
constexpr Nanoseconds kTrueGap = 10min;
// Tracks whose first times are further apart do not share a clock.
constexpr Nanoseconds kStartApart = 10s;
// Composition offsets beyond these are damage.
constexpr Nanoseconds kComposition = 5s;
constexpr Nanoseconds kNegativeComposition = 1s;
// Audio that is further from its packet count is re-anchored.
constexpr Nanoseconds kReanchor = 30ms;
constexpr int64_t kServo = 128;
constexpr Nanoseconds kUnknownInterval = 10ms;
constexpr size_t kLateSample = 16;  // packets that show whether the first one's time is true

}  // namespace

int64_t Unwrapper::operator()(uint64_t value) {
  if (bits_ == 0) return static_cast<int64_t>(value);
  const uint64_t modulus = uint64_t{1} << bits_;
  if (!last_) {
    last_ = static_cast<int64_t>(value & (modulus - 1));
    return *last_;
  }
  const uint64_t forward = (value - static_cast<uint64_t>(*last_)) & (modulus - 1);
  const int64_t step = forward < modulus / 2
                           ? static_cast<int64_t>(forward)
                           : static_cast<int64_t>(forward) - static_cast<int64_t>(modulus);
  last_ = *last_ + step;
  return *last_;
}

int64_t Timeline::ticks(const Track& track, Nanoseconds t) const {
  return rescale(t.count(), kNanosecondBase, track.time.base);
}

Nanoseconds Timeline::time(const Track& track, int64_t t) const {
  return Nanoseconds(rescale(t, track.time.base, kNanosecondBase));
}

void Timeline::begin(const std::vector<TrackTime>& times, std::span<const Raw> preview) {
  tracks_.clear();
  start_ = end_;
  for (const TrackTime& t : times) add_track(t);
  for (const Raw& raw : preview) {
    Track& track = tracks_.at(static_cast<size_t>(raw.track));
    const int64_t back = raw.dts - raw.pts;
    if (back > track.shift && back <= ticks(track, kNegativeComposition)) track.shift = back;
  }
  for (size_t i = 0; i < tracks_.size(); ++i)
    tracks_[i].late = late_start(static_cast<int>(i), preview);
  if (preview.empty()) return;
  Nanoseconds first = Nanoseconds::max(), first_shown = Nanoseconds::max();
  for (const Raw& raw : preview) {
    const Track& track = tracks_[static_cast<size_t>(raw.track)];
    first = std::min(first, time(track, raw.dts - track.shift - track.late));
    first_shown = std::min(first_shown, time(track, raw.pts - track.late));
  }
  // No picture of this sitting is shown before the last one of the sitting before.
  const Nanoseconds move = std::max(end_ - first, shown_end_ - std::max(first_shown, first));
  for (Track& track : tracks_) track.offset = ticks(track, move);
}

// Some encoders can't write the time before 0 that the priming of their sound has, and give it the
// time of the packet after: the packets behind show when it was meant.
int64_t Timeline::late_start(int index, std::span<const Raw> preview) const {
  const int64_t length = tracks_[static_cast<size_t>(index)].time.packet_ticks;
  std::optional<int64_t> first;
  std::vector<int64_t> late;
  for (const Raw& raw : preview) {
    if (length == 0 || raw.track != index || late.size() == kLateSample) continue;
    if (!first) first = raw.dts;
    late.push_back(static_cast<int64_t>(late.size()) * length - (raw.dts - *first));
  }
  if (late.size() < 2) return 0;
  std::sort(late.begin() + 1, late.end());
  const int64_t usual = late[late.size() / 2];
  return usual > length / 2 && usual <= 4 * length ? usual : 0;
}

void Timeline::add_track(const TrackTime& t) {
  assert(t.base.num > 0 && t.base.den > 0);
  Track track;
  track.time = t;
  if (!tracks_.empty()) track.offset = ticks(track, time(tracks_.front(), tracks_.front().offset));
  if (t.packet_ticks > 0) track.interval = t.packet_ticks;
  tracks_.push_back(track);
}

// The first packet of a track whose clock has nothing to do with the others' starts where they are.
void Timeline::align_first(Track& track, int64_t raw) {
  const Nanoseconds at = time(track, raw + track.offset - track.shift);
  if (at >= end_ - kStartApart && at <= end_ + kStartApart) return;
  track.offset = ticks(track, end_) - raw + track.shift;
}

bool Timeline::near_other_track(const Track& track, int64_t candidate) const {
  const Nanoseconds at = time(track, candidate);
  return std::any_of(tracks_.begin(), tracks_.end(), [&](const Track& other) {
    return &other != &track && other.last && !other.suspect &&
           std::chrono::abs(at - time(other, *other.last)) <= kJump;
  });
}

bool Timeline::plausible(const Track& track, int64_t candidate,
                         std::optional<Nanoseconds> arrival) const {
  const int64_t expected = *track.last + track.interval;
  const Nanoseconds off = time(track, candidate - expected);
  const Nanoseconds usual = time(track, track.interval);
  if (candidate <= *track.last) return -off <= std::max(kBack, 3 * usual);
  if (off <= std::max(kJump, 4 * usual)) return true;
  if (near_other_track(track, candidate)) return true;
  const bool paused =
      arrival && track.arrival && off <= kPause && (*arrival - *track.arrival) * 2 >= off;
  return paused || (track.interval == 0 && off <= kPause && tracks_.size() == 1);
}

bool Timeline::true_gap(const Track& track, const Raw& raw) const {
  const int64_t ahead = raw.dts + track.offset - *track.last;
  return raw.gap && ahead > 0 && time(track, ahead) <= kTrueGap;
}

// Tracks of one publisher jump together; the second to do so takes over the first one's new clock,
// and the sound stays with the picture.
bool Timeline::adopt_other_clock(Track& track, int64_t raw) {
  const int64_t expected = *track.last + track.interval;
  for (const Track& other : tracks_) {
    if (&other == &track || !other.last) continue;
    const int64_t offset = ticks(track, time(other, other.offset));
    if (offset == track.offset) continue;
    if (std::chrono::abs(time(track, raw + offset - expected)) > kJump) continue;
    track.offset = offset;
    return true;
  }
  return false;
}

int64_t Timeline::smooth(const Track& track, int64_t candidate) const {
  if (track.time.packet_ticks == 0 || !track.last) return candidate;
  const int64_t counted = *track.last + track.time.packet_ticks;
  const int64_t off = candidate - counted;
  if (std::chrono::abs(time(track, off)) > kReanchor) return candidate;
  return counted + off / kServo;
}

std::optional<Timeline::Stamp> Timeline::stamp(const Raw& raw, std::optional<Nanoseconds> arrival) {
  Track& track = tracks_.at(static_cast<size_t>(raw.track));
  Stamp result;
  int64_t out = 0;
  bool restamp = false;
  if (!track.last) {
    align_first(track, raw.dts - track.late);
    out = raw.dts - track.late + track.offset;
    if (time(track, out - track.shift) + 1ms < start_) return std::nullopt;
  } else if (plausible(track, raw.dts + track.offset, arrival) || true_gap(track, raw) ||
             (result.discontinuity = adopt_other_clock(track, raw.dts))) {
    out = smooth(track, raw.dts + track.offset);
    const int64_t delta = out - *track.last;
    const bool usual = track.interval == 0 || delta <= 8 * track.interval;
    if (!track.suspect && track.time.packet_ticks == 0 && delta > 0 && usual)
      track.interval = delta;
    track.suspect.reset();
  } else {
    out = *track.last + std::max<int64_t>(track.interval, 1);
    const int64_t step = track.suspect ? raw.dts - track.suspect->raw : -1;
    if (step > 0 && time(track, step) <= std::max(kJump, 4 * time(track, track.interval))) {
      track.offset = track.suspect->out - track.suspect->raw;
      out = smooth(track, raw.dts + track.offset);
      track.suspect.reset();
      result.discontinuity = true;
    } else {
      track.suspect = Track::Suspect{raw.dts, out};
      ++restamped_;
      restamp = true;
    }
  }
  track.arrival = arrival;
  if (track.last) out = std::max(out, *track.last + 1);

  int64_t composition = raw.pts - raw.dts;
  if (composition > ticks(track, kComposition) || composition < -ticks(track, kNegativeComposition))
    composition = 0;
  track.shift = std::max(track.shift, -composition);
  const int64_t moved = out - (raw.dts + track.offset);
  const bool rebuilt = restamp || track.time.packet_ticks > 0;
  result.dts = std::max(out - track.shift, track.last_out == INT64_MIN ? 0 : track.last_out + 1);
  result.pts = out + composition - (rebuilt ? 0 : moved);
  result.pts = std::max(result.pts, result.dts);
  track.last = out;
  track.last_out = result.dts;
  const Nanoseconds interval = track.interval > 0 ? time(track, track.interval) : kUnknownInterval;
  end_ = std::max(end_, time(track, std::max(out, result.dts)) + interval);
  shown_end_ = std::max(shown_end_, time(track, result.pts) + interval);
  return result;
}

}  // namespace stream::media
