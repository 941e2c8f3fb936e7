#include "ingest/sample_picker.h"

#include <utility>

namespace stream::media {
namespace {

constexpr size_t kRun = 8;  // packets of sound: the first one or two only prime the decoder

}  // namespace

SamplePicker::SamplePicker(av::Tracks tracks, Nanoseconds interval)
    : tracks_(std::move(tracks)), interval_(interval) {
  for (size_t i = 0; i < tracks_.size(); ++i) {
    int& index = tracks_[i].type == av::MediaType::kVideo ? video_ : audio_;
    if (index < 0) index = static_cast<int>(i);
  }
}

std::optional<SamplePicker::Job> SamplePicker::packet(const av::Packet& packet) {
  if (packet.track != video_ && packet.track != audio_) return std::nullopt;
  av::Track& track = tracks_[static_cast<size_t>(packet.track)];
  if (packet.mark && !packet.mark->extradata.empty()) track.extradata = packet.mark->extradata;
  if (packet.track == video_ && !packet.key) return std::nullopt;
  const Nanoseconds at(rescale(packet.dts, track.time_base, kNanosecondBase));
  if (packet.track == video_) {
    if (last_picture_ && at - *last_picture_ < interval_) return std::nullopt;
    last_picture_ = at;
    return [track, packet, at, before = before_]() -> std::function<void(Checks&)> {
      auto sample = std::make_shared<PictureSample>(sample_picture(track, packet));
      return [sample, at, before](Checks& checks) {
        if (sample->luma.empty()) return;
        checks.picture(at, sample->mean, sample->spread, difference(*sample, *before));
        *before = *sample;
      };
    };
  }
  if (run_.empty() && last_sound_ && at - *last_sound_ < interval_) return std::nullopt;
  run_.push_back(packet);
  if (run_.size() < kRun) return std::nullopt;
  last_sound_ = at;
  return [track, run = std::exchange(run_, {}), at]() -> std::function<void(Checks&)> {
    const double rms = sample_sound(track, run);
    return [rms, at](Checks& checks) {
      if (rms >= 0) checks.sound(at, rms);
    };
  };
}

}  // namespace stream::media
