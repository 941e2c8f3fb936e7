// Long because the tracks of one publisher are learnt, held back and described in one place.
#include "ingest/publication.h"

#include <algorithm>
#include <utility>

namespace stream::media {
namespace {

using namespace std::chrono_literals;
using rtmp::MediaKind;
using rtmp::PacketType;

constexpr size_t kMaxTracks = 8;
// Held back before the tracks are announced: enough to see negative composition times, and a bound.
constexpr Nanoseconds kPreview = 200ms;
constexpr size_t kMaxHeldBytes = 8u << 20;
constexpr Nanoseconds kMaxHeldTime = 10s;
// A late track waits for the next keyframe, so that readers lose nothing; at most this long.
constexpr Nanoseconds kLateWait = 10s;

constexpr std::string_view kCarried[] = {"h264", "hevc", "av1",  "vp9",  "vp8", "aac",
                                         "opus", "ac3",  "eac3", "flac", "mp3"};

av::MediaType type_of(MediaKind kind) {
  return kind == MediaKind::kVideo ? av::MediaType::kVideo : av::MediaType::kAudio;
}

}  // namespace

Publication::Publication(Hub& hub, Timeline& timeline, PublicationOptions options)
    : hub_(hub), timeline_(timeline), options_(std::move(options)), resumes_(hub.announced()) {}

void Publication::notice(const std::string& text) {
  if (std::find(noticed_.begin(), noticed_.end(), text) != noticed_.end()) return;
  noticed_.push_back(text);
  if (options_.notice) options_.notice(text);
}

size_t Publication::source_of(const rtmp::Media& media) {
  for (size_t i = 0; i < sources_.size(); ++i)
    if (sources_[i].kind == media.kind && sources_[i].id == media.track) return i;
  Source source;
  source.kind = media.kind;
  source.id = media.track;
  source.wait_key = media.kind == MediaKind::kVideo;
  if (sources_.size() >= kMaxTracks) {
    notice("more than " + std::to_string(kMaxTracks) + " tracks: the others are left out");
    source.dead = true;
    return sources_.size();
  }
  source.track.type = type_of(media.kind);
  source.track.codec = media.codec;
  source.track.time_base = options_.clock;
  sources_.push_back(std::move(source));
  return sources_.size() - 1;
}

// Only the publisher's first track of a kind decides; further ones (multitrack) are left out alone.
std::optional<std::string> Publication::refuse(const rtmp::Media& media, Source& source) {
  if (source.taken && source.track.codec == media.codec) return std::nullopt;
  const char* kind = media.kind == MediaKind::kVideo ? "video" : "audio";
  const bool carried =
      std::find(std::begin(kCarried), std::end(kCarried), media.codec) != std::end(kCarried);
  const auto& wanted = options_.codecs;
  const bool allowed =
      wanted.empty() || std::find(wanted.begin(), wanted.end(), media.codec) != wanted.end();
  if (carried && allowed) {
    source.taken = true;
    if (source.track.codec == media.codec) return std::nullopt;
    return std::string(kind) + " changed from " + source.track.codec + " to " +
           std::string(media.codec) + " while live; publish anew";
  }
  std::string text = std::string(kind) + " codec " +
                     (media.codec.empty() ? rtmp::codec_label(media) : std::string(media.codec)) +
                     " is not accepted; use ";
  if (wanted.empty())
    text += media.kind == MediaKind::kVideo ? "H.264, HEVC, AV1 or VP9" : "AAC or Opus";
  else
    for (size_t i = 0; i < wanted.size(); ++i) text += (i ? ", " : "") + wanted[i];
  if (media.track == 0) return text;
  notice(text);
  source.dead = true;
  return std::nullopt;
}

std::optional<std::string> Publication::take(rtmp::Media media, Nanoseconds now) {
  const bool dated = media.packet == PacketType::kFrame && !media.payload.empty();
  const int64_t dts = dated ? unwrap_(media.timestamp) : 0;
  return take(std::move(media), dts, now);
}

std::optional<std::string> Publication::take(rtmp::Media media, int64_t dts, Nanoseconds now) {
  if (media.packet != PacketType::kConfig && media.packet != PacketType::kFrame)
    return std::nullopt;
  const size_t index = source_of(media);
  if (index >= sources_.size()) return std::nullopt;
  Source& source = sources_[index];
  if (source.dead) return std::nullopt;
  if (auto text = refuse(media, source)) return text;
  if (source.dead) return std::nullopt;
  if (!first_) first_ = now;
  if (media.packet == PacketType::kConfig) {
    configure(source, media);
    return std::nullopt;
  }
  if (media.payload.empty()) return std::nullopt;
  if (!source.configured)
    source.configured = configure_from_frame(source, media);
  else if (media.keyframe && source.kind == MediaKind::kVideo)
    follow_in_band(source, media.payload);
  if (!announced_) {
    hold(index, std::move(media), dts, now);
    if (complete(now)) announce();
    return std::nullopt;
  }
  announce_late(media, index, now);
  emit(source, std::move(media), dts, now);
  return std::nullopt;
}

void Publication::hold(size_t source, rtmp::Media media, int64_t dts, Nanoseconds now) {
  held_bytes_ += media.payload.size();
  held_.push_back({source, std::move(media), dts, now});
  while (held_bytes_ > kMaxHeldBytes || now - held_.front().arrival > kMaxHeldTime) {
    held_bytes_ -= held_.front().media.payload.size();
    ++sources_[held_.front().source].dropped;
    held_.pop_front();
  }
}

bool Publication::complete(Nanoseconds now) const {
  if (held_.empty() || !first_) return false;
  const bool any = std::any_of(held_.begin(), held_.end(),
                               [&](const Held& h) { return sources_[h.source].configured; });
  if (!any) return false;
  const auto [low, high] = std::minmax_element(
      held_.begin(), held_.end(), [](const Held& a, const Held& b) { return a.dts < b.dts; });
  const Nanoseconds held(rescale(high->dts - low->dts, options_.clock, kNanosecondBase));
  const Nanoseconds span = std::max(held, now - *first_);
  if (span >= options_.announce_wait) return true;
  const auto has = [&](MediaKind kind) {
    return std::any_of(sources_.begin(), sources_.end(),
                       [&](const Source& s) { return s.kind == kind && s.configured; });
  };
  const bool waits = std::any_of(sources_.begin(), sources_.end(),
                                 [](const Source& s) { return !s.configured && !s.dead; });
  const bool video = has(MediaKind::kVideo), audio = has(MediaKind::kAudio);
  const bool known = declared_ && (declares_video_ || declares_audio_)
                         ? video >= declares_video_ && audio >= declares_audio_
                         : video && audio;
  return known && !waits && span >= kPreview;
}

void Publication::tick(Nanoseconds now) {
  if (!announced_ && complete(now)) announce();
}

void Publication::finish() {
  const bool any = std::any_of(held_.begin(), held_.end(),
                               [&](const Held& h) { return sources_[h.source].configured; });
  if (!announced_ && any) announce();
}

// Sound of a constant packet length gets a clock in samples, in which its times are exact.
void Publication::add_to(av::Tracks& tracks, Source& source) {
  av::Track& t = source.track;
  if (source.kind == MediaKind::kAudio && t.sample_rate > 0 && t.frame_samples > 0)
    t.time_base = {1, t.sample_rate};
  source.index = static_cast<int>(tracks.size());
  tracks.push_back(t);
}

Timeline::Raw Publication::raw_of(const Source& source, const rtmp::Media& media,
                                  int64_t dts) const {
  const Rational base = source.track.time_base;
  const int64_t at = rescale(dts, options_.clock, base);
  return {source.index, at, at + rescale(media.composition.count(), kNanosecondBase, base)};
}

void Publication::announce() {
  announced_ = true;
  av::Tracks tracks;
  std::vector<Timeline::TrackTime> times;
  for (const MediaKind kind : {MediaKind::kVideo, MediaKind::kAudio})
    for (Source& source : sources_) {
      if (source.kind != kind || source.dead) continue;
      if (!source.configured) {
        if (source.track.codec == "aac")
          notice("the sound is left out: AAC came without its configuration (sequence header)");
        continue;
      }
      add_to(tracks, source);
      const bool in_samples = !(source.track.time_base == options_.clock);
      times.push_back({source.track.time_base, in_samples ? source.track.frame_samples : 0});
    }
  std::vector<Timeline::Raw> preview;
  bool picture_begun = false;
  const bool has_picture = tracks.front().type == av::MediaType::kVideo;
  std::vector<bool> keyed(sources_.size());
  for (const Held& h : held_) {
    const Source& source = sources_[h.source];
    if (source.index < 0) continue;
    if (source.kind == MediaKind::kVideo) {
      keyed[h.source] = keyed[h.source] || h.media.keyframe;
      if (!keyed[h.source]) continue;
      picture_begun = true;
    }
    preview.push_back(raw_of(source, h.media, h.dts));
  }
  timeline_.begin(times, preview);
  if (resumes_ && same_layout(tracks, hub_.tracks()))
    for (Source& source : sources_)
      if (source.index >= 0 &&
          !(source.track.extradata == hub_.tracks()[static_cast<size_t>(source.index)].extradata))
        source.changed = source.track.extradata;
  hub_.announce(std::move(tracks));
  auto held = std::exchange(held_, {});
  held_bytes_ = 0;
  // A take-over cuts over at the first keyframe.
  bool open = !(resumes_ && has_picture && picture_begun);
  for (Held& h : held) {
    Source& source = sources_[h.source];
    open = open || (source.kind == MediaKind::kVideo && h.media.keyframe);
    if (open)
      emit(source, std::move(h.media), h.dts, h.arrival);
    else
      ++source.dropped;
  }
}

// A track whose configuration came after the announcement joins at the next keyframe.
void Publication::announce_late(const rtmp::Media& media, size_t from, Nanoseconds now) {
  const auto late = [](const Source& s) { return s.configured && s.index < 0 && !s.dead; };
  if (std::none_of(sources_.begin(), sources_.end(), late)) return;
  if (!options_.late_tracks) {
    for (Source& source : sources_) {
      if (!late(source)) continue;
      source.dead = true;
      notice("a track of " + source.track.codec + " came too late for this output and is left out");
    }
    return;
  }
  if (!late_since_) late_since_ = now;
  const bool live_picture = std::any_of(sources_.begin(), sources_.end(), [](const Source& s) {
    return s.index >= 0 && s.kind == MediaKind::kVideo;
  });
  const Source& here = sources_[from];
  const bool entry = here.kind == MediaKind::kVideo && media.keyframe;
  if (live_picture && !entry && now - *late_since_ < kLateWait) return;
  if (!live_picture && late(here) && here.kind == MediaKind::kVideo && !media.keyframe) return;
  late_since_.reset();
  av::Tracks tracks = hub_.tracks();
  for (Source& source : sources_) {
    if (!late(source)) continue;
    add_to(tracks, source);
    const bool in_samples = !(source.track.time_base == options_.clock);
    timeline_.add_track({source.track.time_base, in_samples ? source.track.frame_samples : 0});
  }
  hub_.announce(std::move(tracks));
}

void Publication::emit(Source& source, rtmp::Media media, int64_t dts, Nanoseconds arrival) {
  if (source.index < 0 || (source.wait_key && !media.keyframe)) {
    ++source.dropped;
    return;
  }
  if (source.track.codec == "aac" && !strip_adts(source, media)) {
    ++source.dropped;
    return;
  }
  const auto stamp = timeline_.stamp(raw_of(source, media, dts), arrival);
  if (!stamp) {
    ++source.dropped;
    return;
  }
  source.wait_key = false;
  av::Packet packet;
  packet.track = source.index;
  packet.dts = stamp->dts;
  packet.pts = stamp->pts;
  packet.key = source.kind == MediaKind::kAudio || media.keyframe;
  if (source.track.frame_samples > 0 && source.track.sample_rate > 0)
    packet.duration =
        rescale(source.track.frame_samples, {1, source.track.sample_rate}, source.track.time_base);
  av::Mark mark;
  if (source.fresh) mark.session = options_.session;
  const bool hole = media.discontinuity && source.kind == MediaKind::kVideo && !source.fresh;
  mark.discontinuity = stamp->discontinuity || (source.fresh && resumes_) || hole;
  mark.extradata = std::exchange(source.changed, {});
  source.fresh = false;
  const bool changed = !mark.extradata.empty();
  if (changed) {
    const int rate = source.track.sample_rate;
    describe(source, mark.extradata);
    if (source.track.sample_rate != rate) timeline_.set_irregular(source.index);
  }
  if (changed || mark.discontinuity || !mark.session.empty())
    packet.mark = std::make_shared<const av::Mark>(std::move(mark));
  packet.data = std::move(media.payload);
  ++source.packets;
  source.bytes += packet.data.size();
  ++packets_;
  hub_.push(packet, changed ? &source.track : nullptr);
}

std::vector<Publication::TrackInfo> Publication::tracks() const {
  std::vector<TrackInfo> all;
  for (const Source& s : sources_) {
    if (s.index < 0) continue;
    all.resize(std::max(all.size(), static_cast<size_t>(s.index) + 1));
    all[static_cast<size_t>(s.index)] = {s.packets, s.bytes, s.dropped};
  }
  return all;
}

}  // namespace stream::media
