#include "record/fragmenter.h"

#include <algorithm>

#include "base/error.h"
#include "codec/audio.h"
#include "codec/nal.h"
#include "record/writer.h"

namespace stream::media {

namespace {

// Exact for time bases of 1/n, fine enough for the rest.
uint32_t choose_timescale(const av::Track& track) {
  if (track.type == av::MediaType::kAudio && track.sample_rate > 0) {
    return static_cast<uint32_t>(track.sample_rate);
  }
  int64_t scale = track.time_base.den;
  if (track.time_base.num != 1 || scale <= 0 || scale > 10'000'000) return 90000;
  while (scale < 10000) scale *= 10;
  return static_cast<uint32_t>(scale);
}

bool configured_by_frame(const av::Track& track) {
  return track.codec == "ac3" || track.codec == "eac3" ||
         (track.codec == "aac" && track.extradata.empty());
}

}  // namespace

Fragmenter::Fragmenter(const av::Tracks& tracks) : tracks_(tracks.size()), runs_(tracks.size()) {
  for (size_t i = 0; i < tracks.size(); ++i) {
    runs_[i].track_id = static_cast<uint32_t>(i + 1);
    reconfigure(tracks[i], static_cast<int>(i));
  }
}

void Fragmenter::reconfigure(const av::Track& track, int index) {
  const auto i = static_cast<size_t>(index);
  TrackState& state = tracks_.at(i);
  state.track = track;
  state.timescale = choose_timescale(track);
  state.annexb =
      (track.codec == "h264" || track.codec == "hevc") && codec::is_annexb(track.extradata);
  state.adts = track.codec == "aac" && track.extradata.empty();
  state.config.reset();
  if (!configured_by_frame(track)) configure(state, i, track.extradata);
}

void Fragmenter::configure(TrackState& state, size_t index, Bytes extradata) {
  const av::Track& track = state.track;
  mp4::TrackConfig config =
      mp4::make_track(static_cast<uint32_t>(index + 1), track.codec, extradata, state.timescale);
  if (config.width == 0) config.width = track.width;
  if (config.height == 0) config.height = track.height;
  if (!config.sar.known()) config.sar = track.sample_aspect;
  if (config.sample_rate == 0) config.sample_rate = track.sample_rate;
  if (config.channels == 0) config.channels = track.channels;
  state.config = std::move(config);
}

Nanoseconds Fragmenter::dts(const av::Packet& packet) const {
  const Rational base = tracks_.at(static_cast<size_t>(packet.track)).track.time_base;
  return Nanoseconds(rescale(packet.dts, base, kNanosecondBase));
}

bool Fragmenter::due(const av::Packet& packet) const {
  if (held_ == 0) return false;
  const Nanoseconds span = dts(packet) - first_held_;
  const bool video =
      tracks_.at(static_cast<size_t>(packet.track)).track.type == av::MediaType::kVideo;
  return span >= Writer::kLongest || (video && packet.key && span >= Writer::kShortest);
}

Buffer Fragmenter::payload(TrackState& state, size_t index, const av::Packet& packet) {
  if (state.annexb) return codec::annexb_to_length_prefixed(packet.data);
  if (state.adts) {
    const auto header = codec::parse_adts(packet.data);
    if (!header) {
      throw Error(Exit::kInputDamaged, "codec.config",
                  "the AAC track has no configuration and its frames no ADTS header",
                  "check the source with ffprobe");
    }
    if (!state.config) configure(state, index, header->config);
    return packet.data.slice(header->size);
  }
  if (!state.config) {
    configure(state, index, {});
    if (auto described = codec::describe_frame(state.track.codec, packet.data))
      state.config->codec = std::move(*described);
  }
  return packet.data;
}

bool Fragmenter::add(const av::Packet& packet) {
  const auto index = static_cast<size_t>(packet.track);
  TrackState& state = tracks_.at(index);
  const Rational own{1, state.timescale}, from = state.track.time_base;
  mp4::Sample sample;
  sample.dts = rescale(packet.dts, from, own);
  sample.pts = rescale(packet.pts, from, own);
  if (state.last_dts != kNoTime && sample.dts <= state.last_dts) return false;
  sample.data = payload(state, index, packet);
  sample.key = packet.key || state.track.type != av::MediaType::kVideo;
  if (state.last_dts != kNoTime) state.last_duration = sample.dts - state.last_dts;
  int64_t duration = rescale(packet.duration, from, own);
  if (duration <= 0) duration = state.last_duration;
  if (duration <= 0 && state.track.frame_samples > 0) duration = state.track.frame_samples;
  if (duration <= 0) duration = state.timescale / 25;
  sample.duration = static_cast<uint32_t>(std::min<int64_t>(duration, UINT32_MAX));
  state.last_dts = sample.dts;

  auto& samples = runs_[index].samples;
  if (!samples.empty())
    samples.back().duration =
        static_cast<uint32_t>(std::min<int64_t>(sample.dts - samples.back().dts, UINT32_MAX));
  if (held_++ == 0) first_held_ = dts(packet);
  samples.push_back(std::move(sample));
  return true;
}

std::span<const mp4::TrackRun> Fragmenter::runs() {
  if (!base_) {
    Nanoseconds earliest = Nanoseconds::max(), earliest_shown = Nanoseconds::max();
    for (size_t i = 0; i < runs_.size(); ++i) {
      if (runs_[i].samples.empty()) continue;
      const Rational own{1, tracks_[i].timescale};
      earliest =
          std::min(earliest, Nanoseconds(rescale(runs_[i].samples[0].dts, own, kNanosecondBase)));
      for (const mp4::Sample& sample : runs_[i].samples) {
        earliest_shown =
            std::min(earliest_shown, Nanoseconds(rescale(sample.pts, own, kNanosecondBase)));
      }
    }
    base_ = std::min(earliest, earliest_shown);
    origin_ = std::max(earliest_shown, Nanoseconds(0)) - *base_;
  }
  if (shifted_) return runs_;
  shifted_ = true;
  for (size_t i = 0; i < runs_.size(); ++i) {
    const int64_t shift = rescale(base_->count(), kNanosecondBase, {1, tracks_[i].timescale});
    auto& samples = runs_[i].samples;
    for (mp4::Sample& sample : samples) {
      sample.dts -= shift;
      sample.pts -= shift;
    }
    // A track that begins late with media from before the file's start.
    samples.erase(samples.begin(), std::find_if(samples.begin(), samples.end(),
                                                [](const mp4::Sample& s) { return s.dts >= 0; }));
  }
  return runs_;
}

void Fragmenter::clear() {
  for (mp4::TrackRun& run : runs_) run.samples.clear();
  held_ = 0;
  shifted_ = false;
}

std::vector<mp4::TrackConfig> Fragmenter::configs() const {
  std::vector<mp4::TrackConfig> configs;
  for (size_t i = 0; i < tracks_.size(); ++i) {
    if (tracks_[i].config) configs.push_back(*tracks_[i].config);
  }
  return configs;
}

}  // namespace stream::media
