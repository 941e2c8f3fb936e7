#include "journal.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/log.h"

namespace stream::record {

namespace {

using control::Json;

manifest::RecordingTrack to_track(const media::RecordedTrack& recorded) {
  manifest::RecordingTrack out = to_manifest(recorded.track);
  out.codec_string = recorded.codec_string;
  out.samples = recorded.samples;
  return out;
}

}  // namespace

manifest::RecordingTrack to_manifest(const av::Track& track) {
  manifest::RecordingTrack out;
  out.kind = track.type == av::MediaType::kVideo ? "video" : "audio";
  out.codec = track.codec;
  out.width = track.width;
  out.height = track.height;
  out.frame_rate = track.frame_rate.known() ? track.frame_rate.value() : 0;
  out.sample_rate = track.sample_rate;
  out.channels = track.channels;
  return out;
}

std::string key_for(const std::string& path) {
  std::string key = std::filesystem::path(path).replace_extension().string();
  for (char& c : key) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '-';
    if (!plain) c = c == '/' ? '-' : '_';
  }
  const size_t first = key.find_first_not_of('.');
  return first == std::string::npos ? "recording" : key.substr(first);
}

Journal::Journal(const std::string& base, manifest::Recording recording, int parts,
                 control::Service& service)
    : base_(base),
      store_(base),
      service_(service),
      parts_(parts),
      recording_(std::move(recording)) {}

std::string Journal::path() const {
  return base_ + "/" + recording_.id + ".json";
}

std::string Journal::relative(const std::string& path) const {
  return std::filesystem::path(path).lexically_relative(base_).string();
}

manifest::RecordingFile Journal::to_file(const media::RecordedFile& recorded) const {
  manifest::RecordingFile out;
  out.path = relative(recorded.path);
  out.format = media::container_name(recorded.container);
  out.session = recorded.session;
  out.started = recorded.started;
  if (recorded.bytes > 0) out.ended = recorded.ended;
  out.duration = recorded.duration;
  out.bytes = recorded.bytes;
  out.discontinuities = recorded.discontinuities;
  out.complete = recorded.complete;
  out.reason = recorded.reason;
  out.sha256 = recorded.sha256;
  for (const media::RecordedTrack& track : recorded.tracks) out.tracks.push_back(to_track(track));
  if (const auto& made = recorded.thumbnails) {
    manifest::RecordingThumbnails thumbnails;
    thumbnails.poster = relative(made->poster);
    thumbnails.vtt = relative(made->vtt);
    for (const std::string& sprite : made->sprites) thumbnails.sprites.push_back(relative(sprite));
    thumbnails.interval = made->interval;
    out.thumbnails = thumbnails;
  }
  return out;
}

media::RecorderEvents Journal::events(std::function<void()> broken) {
  media::RecorderEvents events;
  events.opened = [this](const auto& file) { opened(file); };
  events.finisher.closed = [this](const auto& file) { closed(file); };
  events.finisher.finished = [this](const auto& file) { finished(file); };
  events.finisher.session_ended = [this](const auto& session) { session_ended(session); };
  events.session_started = [this](const auto& session) { session_started(session); };
  events.gap = [this](const auto& where) { gap(where); };
  events.stalled = [this](const std::string& path, const std::string& reason) {
    log::error("recording stalled, media is being lost: " + path + ": " + reason);
    service_.emit("file.failed", {{"path", path}, {"reason", reason}, {"error", "record.stalled"}});
    service_.emit("recording.stalled",
                  {{"path", path}, {"reason", reason}, {"lost_seconds", nullptr}});
    service_.status_line("stalled: " + reason);
    std::lock_guard lock(mutex_);
    recording_.state = "stalled";
    save(false);
  };
  events.resumed = [this](Nanoseconds lost) {
    log::warning("recording resumed after " + std::to_string(seconds(lost)) + " s of lost media");
    service_.emit(
        "recording.resumed",
        {{"path", nullptr}, {"reason", "there is room again"}, {"lost_seconds", seconds(lost)}});
    service_.status_line("recording");
    std::lock_guard lock(mutex_);
    recording_.state = "recording";
    recording_.lost += lost;
  };
  events.split_late = [this](const media::LateSplit& late) {
    const char* knob = "set the encoder's keyframe interval to 2 s";
    log::warning(late.asked + " waits for a keyframe: the source has sent none for " +
                 std::to_string(static_cast<int64_t>(seconds(late.keyframe_ago))) + " s; " +
                 late.path + " goes on; " + knob);
    service_.emit("recording.split_late", {{"path", late.path},
                                           {"asked", late.asked},
                                           {"keyframe_seconds", seconds(late.keyframe_ago)},
                                           {"knob", knob}});
  };
  events.broken = std::move(broken);
  return events;
}

void Journal::session_started(const media::RecordedSession& session) {
  std::lock_guard lock(mutex_);
  if (!recording_.sessions.empty() && recording_.sessions.back().number >= session.number) return;
  recording_.sessions.push_back({session.number, session.started, {}, {}});
  recording_.state = "recording";
  ended_parts_ = 0;
  service_.emit("recording.started",
                {{"session", session.number}, {"started_at", rfc3339(session.started)}});
}

void Journal::opened(const media::RecordedFile& file) {
  std::lock_guard lock(mutex_);
  if (recording_.id.empty()) {
    const std::string key = recording_.id = key_for(relative(file.path));
    for (int n = 2; std::filesystem::exists(path()); ++n)
      recording_.id = key + "-" + std::to_string(n);
    recording_.started = file.started;
  }
  recording_.files.push_back(to_file(file));
  service_.emit("file.opened",
                {{"path", file.path}, {"bytes", 0}, {"duration_seconds", 0}, {"reason", nullptr}});
  save(false);
}

void Journal::replace(const media::RecordedFile& file) {
  const std::string path = relative(file.path);
  for (manifest::RecordingFile& known : recording_.files) {
    if (known.path == path) known = to_file(file);
  }
}

void Journal::closed(const media::RecordedFile& file) {
  std::lock_guard lock(mutex_);
  replace(file);
  service_.emit("file.closed", {{"path", file.path},
                                {"bytes", file.bytes},
                                {"duration_seconds", seconds(file.duration)},
                                {"reason", file.reason}});
  save(false);
}

void Journal::finished(const media::RecordedFile& file) {
  std::lock_guard lock(mutex_);
  replace(file);
  save(false);
}

void Journal::gap(const media::RecordedGap& gap) {
  std::lock_guard lock(mutex_);
  // Recorders of picture and of sound see the same one.
  for (const manifest::RecordingGap& known : recording_.gaps) {
    if (known.session == gap.session && known.ended - gap.started > std::chrono::seconds(0) &&
        gap.ended - known.started > std::chrono::seconds(0))
      return;
  }
  recording_.gaps.push_back({gap.session, relative(gap.path), gap.at, gap.started, gap.ended});
  service_.emit("recording.gap", {{"session", gap.session},
                                  {"path", gap.path},
                                  {"at_seconds", seconds(gap.at)},
                                  {"gap_seconds", seconds(gap.ended - gap.started)}});
  save(false);
}

void Journal::session_ended(const media::RecordedSession& session) {
  std::lock_guard lock(mutex_);
  if (++ended_parts_ < parts_) return;
  double duration = 0;
  uint64_t bytes = 0;
  for (manifest::RecordingSession& known : recording_.sessions) {
    if (known.number != session.number) continue;
    known.ended = session.ended;
    known.reason = session.reason;
  }
  for (const manifest::RecordingFile& file : recording_.files) {
    if (file.session != session.number) continue;
    duration += seconds(file.duration);
    bytes += file.bytes;
  }
  const bool current = recording_.sessions.back().number == session.number;
  if (current && recording_.state != "stalled") recording_.state = "waiting";
  save(true);
  service_.emit("recording.ready", {{"manifest", path()},
                                    {"session", session.number},
                                    {"bytes", bytes},
                                    {"duration_seconds", duration},
                                    {"reason", session.reason}});
}

// A full disk must not end a recording: the manifest is written again with the next change.
void Journal::save(bool durable) {
  if (recording_.id.empty()) return;
  try {
    store_.save(recording_.id, manifest::to_json(recording_), durable);
    unsaved_.clear();
  } catch (const Error& error) {
    log::warning(unsaved_ = error.what());
  }
}

manifest::Json Journal::finish(const std::string& reason, const media::RecorderStatus& status) {
  std::lock_guard lock(mutex_);
  recording_.state = "finished";
  recording_.reason = reason;
  recording_.ended = wall_now();
  recording_.lost = status.lost;
  recording_.dropped_packets = status.dropped_packets;
  save(true);
  return manifest::to_json(recording_);
}

std::string Journal::incomplete() const {
  const std::string media = recording_.incomplete();
  return media.empty() ? unsaved_ : media;
}

}  // namespace stream::record
