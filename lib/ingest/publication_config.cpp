// The half of Publication that reads configuration: metadata, records, frames that stand in for
// them.
#include <algorithm>
#include <cmath>

#include "codec/audio.h"
#include "codec/nal.h"
#include "ingest/publication.h"

namespace stream::media {
namespace {

using rtmp::MediaKind;

bool needs_config(std::string_view codec) {
  return codec == "h264" || codec == "hevc" || codec == "aac" || codec == "opus" || codec == "flac";
}

constexpr uint8_t kStartCode[] = {0, 0, 0, 1};  // Annex B with nothing in it

Buffer buffer_of(const std::vector<uint8_t>& bytes) {
  return Buffer::copy(bytes);
}

// ISO/IEC 13818-7 6.2: an ADTS header whose length is the payload's.
struct Adts {
  size_t header = 0;
  std::vector<uint8_t> config;
};
std::optional<Adts> parse_adts(Bytes b) {
  static constexpr int kRates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                   22050, 16000, 12000, 11025, 8000,  7350};
  if (b.size() < 7 || b[0] != 0xff || (b[1] & 0xf6) != 0xf0) return std::nullopt;
  const unsigned rate = b[2] >> 2 & 15;
  const int channels = (b[2] & 1) << 2 | b[3] >> 6;
  const size_t length = static_cast<size_t>(b[3] & 3) << 11 | b[4] << 3 | b[5] >> 5;
  const size_t header = b[1] & 1 ? 7 : 9;
  if (rate >= std::size(kRates) || length != b.size() || length <= header) return std::nullopt;
  return Adts{header, codec::build_audio_specific_config((b[2] >> 6) + 1, kRates[rate], channels)};
}

Rational rate_of(double fps) {
  if (!(fps >= 1 && fps <= 1000)) return {};
  // 29.97 and its like are n * 1000/1001.
  const double whole = std::round(fps * 1.001);
  if (std::abs(fps - whole * 1000 / 1001) < 0.002 && std::abs(fps - std::round(fps)) > 0.01)
    return {static_cast<int64_t>(whole) * 1000, 1001};
  return {std::llround(fps * 1000), 1000};
}

}  // namespace

void Publication::metadata(const rtmp::Metadata& metadata) {
  const auto has = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) {
      const auto* value = metadata.values.find(name);
      return value && (value->number().value_or(0) > 0 || !value->text().empty());
    });
  };
  declared_ = true;
  declares_video_ = has({"videocodecid", "width"});
  declares_audio_ = has({"audiocodecid", "audiosamplerate"});
  if (const auto* fps = metadata.values.find("framerate"))
    frame_rate_ = rate_of(fps->number().value_or(0));
}

// Fills the track from a configuration record. False when the record is broken.
bool Publication::describe(Source& source, const Buffer& record) {
  const auto d = codec::describe(source.track.codec, record);
  if (!d) return false;
  av::Track& t = source.track;
  t.extradata = record;
  t.width = d->width;
  t.height = d->height;
  t.sample_aspect = d->sar.known() ? d->sar : Rational{1, 1};
  if (source.kind == MediaKind::kVideo)
    t.frame_rate = d->frame_rate.known() ? d->frame_rate : frame_rate_;
  t.channels = d->channels;
  t.sample_rate = d->sample_rate;
  t.frame_samples = d->frame_samples;
  return true;
}

void Publication::configure(Source& source, const rtmp::Media& media) {
  const Buffer& record = media.payload;
  // Some encoders send an empty header first and the real one after it.
  if (record.empty() || (source.track.codec == "aac" && record.size() < 2)) return;
  const Buffer& current = source.changed.empty() ? source.track.extradata : source.changed;
  if (source.configured && current == record) return;
  if (!codec::describe(source.track.codec, record)) {
    notice("a broken configuration record of " + source.track.codec + " is left out");
    return;
  }
  if (!source.configured) {
    source.configured = describe(source, record);
    source.adts = false;
    return;
  }
  source.changed = record;
  source.wait_key = source.kind == MediaKind::kVideo;
}

// Codecs without a record of their own, and AAC that comes with ADTS headers instead of one.
bool Publication::configure_from_frame(Source& source, const rtmp::Media& media) {
  const std::string& codec = source.track.codec;
  if (codec == "aac") {
    const auto adts = parse_adts(media.payload);
    if (!adts) return false;
    source.adts = true;
    return describe(source, buffer_of(adts->config));
  }
  if (codec == "h264" || codec == "hevc") {
    // Annex B carries its parameter sets with the keyframes.
    const Buffer sets = codec::changed_in_band(codec, kStartCode, media.payload);
    return media.keyframe && !sets.empty() && describe(source, sets);
  }
  if (needs_config(codec)) return false;
  std::optional<codec::Description> d;
  if (codec == "mp3") d = codec::describe_mp3_frame(media.payload);
  if (codec == "ac3") d = codec::describe_ac3_frame(media.payload);
  if (codec == "eac3") d = codec::describe_eac3_frame(media.payload);
  if (source.kind == MediaKind::kAudio) {
    if (!d) return false;
    source.track.sample_rate = d->sample_rate;
    source.track.channels = d->channels;
    source.track.frame_samples = d->frame_samples;
    return true;
  }
  source.track.frame_rate = frame_rate_;
  source.track.width = media.width;
  source.track.height = media.height;
  return media.keyframe;
}

// New parameter sets in a stream of Annex B come into force with the keyframe that has them.
void Publication::follow_in_band(Source& source, const Buffer& frame) {
  const Buffer& current = source.changed.empty() ? source.track.extradata : source.changed;
  Buffer sets = codec::changed_in_band(source.track.codec, current, frame);
  if (!sets.empty() && codec::describe(source.track.codec, sets)) source.changed = std::move(sets);
}

// False when the frame is to be dropped.
bool Publication::strip_adts(Source& source, rtmp::Media& media) {
  const auto adts = parse_adts(media.payload);
  if (!adts) return !source.adts;
  media.payload = media.payload.slice(adts->header);
  return true;
}

}  // namespace stream::media
