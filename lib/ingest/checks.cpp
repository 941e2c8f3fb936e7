#include "ingest/checks.h"

#include <algorithm>
#include <cmath>

namespace stream::media {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kWindow = 5s;       // for rates and the distance of the tracks
constexpr Nanoseconds kDelayWindow = 5s;  // whose least delay is free of the network's jitter
constexpr Nanoseconds kGapMemory = 10s;
constexpr double kLeastGap = 0.15;  // seconds; what a late packet may look like
constexpr double kBlackLuma = 24, kFlat = 4, kSame = 0.15;
constexpr double kQuiet = 0.001;  // -60 dB

constexpr std::array<CheckInfo, Checks::kCount> kChecks{{
    {"keyframe_interval", "s", 4.5,
     "keyframe interval of the encoder: 2 s (OBS: Output, Keyframe "
     "Interval; ffmpeg: -g 2 x frame rate)"},
    {"reordered_pictures", "pictures", 3,
     "B-frames of the encoder: at most 2, 0 for the lowest "
     "delay (ffmpeg: -bf; OBS: tune zerolatency)"},
    {"bit_rate", "of announced", 1.5, "rate control of the encoder: CBR, or announce what is sent"},
    {"frame_rate", "of announced", 0.1,
     "frame rate of the encoder, or its load: it leaves pictures "
     "out (OBS: Stats, frames missed or skipped)"},
    {"av_offset", "s", 0.7,
     "sync offset of the encoder's sound (OBS: Advanced Audio Properties), "
     "or its buffering: sound and picture are sent this far apart"},
    {"gap", "s", 0.5, "the path to the server, or the encoder's load: media is missing"},
    {"clock_drift", "s", 0.5,
     "clock of the capture device: media comes faster or slower than its "
     "times say"},
    {"silent", "s", 10, "sound of the encoder: source muted, or the wrong device"},
    {"black", "s", 10, "picture of the encoder: no signal, or the wrong scene"},
    {"frozen", "s", 30, "picture of the encoder: the capture hangs"},
}};

double seconds(Nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

std::span<const CheckInfo> check_list() {
  return kChecks;
}

Checks::Checks(av::Tracks tracks, bool live)
    : tracks_(std::move(tracks)), live_(live), states_(tracks_.size()) {
  for (size_t i = 0; i < kCount; ++i) results_[i].kind = static_cast<Kind>(i);
  for (size_t i = 0; i < tracks_.size(); ++i) {
    int& index = tracks_[i].type == av::MediaType::kVideo ? video_ : audio_;
    if (index < 0) index = static_cast<int>(i);
  }
}

void Checks::set(Kind kind, double value) {
  Result& result = results_[kind];
  result.known = true;
  result.value = value;
  result.failed = std::abs(value) > kChecks[kind].limit;
}

void Checks::packet(const av::Packet& packet, Nanoseconds arrival) {
  const auto index = static_cast<size_t>(packet.track);
  if (index >= tracks_.size() || (packet.dts == kNoTime && packet.pts == kNoTime)) return;
  const bool video = packet.track == video_;
  if (!video && packet.track != audio_) return;
  const Rational base = tracks_[index].time_base;
  const Nanoseconds at(
      rescale(packet.dts == kNoTime ? packet.pts : packet.dts, base, kNanosecondBase));
  if (!first_) first_ = at;
  newest_ = std::max(newest_, at);
  intervals(states_[index], packet, at, video);
  window_.push({at, arrival, packet.data.size(), video});
  rates(at, arrival);
}

void Checks::intervals(TrackState& state, const av::Packet& packet, Nanoseconds at, bool video) {
  if (state.last) {
    const Nanoseconds step = at - *state.last;
    const bool jump = packet.mark && packet.mark->discontinuity;
    const double most = std::max(kLeastGap, 3 * seconds(state.usual));
    if (state.usual > 0ns && (jump || seconds(step) > most || step < 0ns)) {
      largest_gap_ =
          at - gap_at_ > kGapMemory ? seconds(step) : std::max(largest_gap_, seconds(step));
      if (step < 0ns) largest_gap_ = std::max(largest_gap_, -seconds(step));
      gap_at_ = at;
    } else if (step > 0ns) {
      state.usual = state.usual == 0ns ? step : (state.usual * 7 + step) / 8;
    }
    if (at - gap_at_ > kGapMemory) largest_gap_ = 0;
    set(kGap, largest_gap_);
  } else {
    state.first = at;
  }
  state.last = at;
  if (!video) return;
  if (packet.key) {
    if (state.last_key) set(kKeyframes, seconds(at - *state.last_key));
    state.last_key = at;
  } else if (state.last_key && seconds(at - *state.last_key) > kChecks[kKeyframes].limit) {
    set(kKeyframes, seconds(at - *state.last_key));
  } else if (!state.last_key && seconds(at - *state.first) > kChecks[kKeyframes].limit) {
    set(kKeyframes, seconds(at - *state.first));
  }
  // A picture shown before one that came earlier.
  if (state.top_pts == kNoTime || packet.pts > state.top_pts) {
    state.top_pts = packet.pts;
    state.ahead = 0;
  } else {
    ++state.ahead;
  }
  const Result& before = results_[kReordered];
  set(kReordered, std::max<double>(before.value, state.ahead));
}

void Checks::rates(Nanoseconds at, Nanoseconds arrival) {
  const double delay = seconds(arrival - at);
  if (live_) {
    if (!delay_since_) {
      delay_since_ = arrival;
      least_delay_ = delay;
    }
    least_delay_ = std::min(least_delay_, delay);
    if (arrival - *delay_since_ > kDelayWindow) {
      if (base_delay_) set(kDrift, least_delay_ - *base_delay_);
      if (!base_delay_) base_delay_ = least_delay_;
      delay_since_ = arrival;
      least_delay_ = delay;
    }
  }
  if (at - window_.front().at < kWindow) return;
  double bytes = 0, pictures = 0, video_last = -1, audio_last = -1;
  std::vector<double> distances;
  for (const Sample& sample : window_) {
    bytes += static_cast<double>(sample.bytes);
    pictures += sample.video;
    (sample.video ? video_last : audio_last) = seconds(sample.at);
    if (video_last >= 0 && audio_last >= 0) distances.push_back(video_last - audio_last);
  }
  const double span = seconds(at - window_.front().at);
  double announced = 0;
  for (const av::Track& track : tracks_) announced += static_cast<double>(track.bit_rate);
  const bool all_announced = std::all_of(tracks_.begin(), tracks_.end(),
                                         [](const av::Track& t) { return t.bit_rate > 0; });
  if (all_announced && announced > 0) set(kBitRate, bytes * 8 / span / announced);
  if (video_ >= 0) {
    const Rational nominal = tracks_[static_cast<size_t>(video_)].frame_rate;
    if (nominal.known()) set(kFrameRate, (pictures - 1) / span / nominal.value() - 1);
  }
  if (distances.size() > 10 && audio_ >= 0 && video_ >= 0) {
    const auto middle = distances.begin() + static_cast<std::ptrdiff_t>(distances.size() / 2);
    std::nth_element(distances.begin(), middle, distances.end());
    set(kOffset, *middle);
  }
  while (!window_.empty() && at - window_.front().at > kWindow / 2) window_.pop();
}

void Checks::lasts(Kind kind, bool bad, std::optional<Nanoseconds>& since, Nanoseconds at) {
  if (!bad) since.reset();
  if (bad && !since) since = at;
  set(kind, since ? seconds(at - *since) : 0);
}

void Checks::picture(Nanoseconds at, double mean, double spread, double difference) {
  lasts(kBlack, mean < kBlackLuma && spread < kFlat, black_, at);
  if (difference >= 0) lasts(kFrozen, difference < kSame, frozen_, at);
}

void Checks::sound(Nanoseconds at, double rms) {
  lasts(kSilent, rms < kQuiet, silent_, at);
}

}  // namespace stream::media
