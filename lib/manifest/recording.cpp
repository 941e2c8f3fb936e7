#include "manifest/recording.h"

#include <cmath>

#include "base/error.h"

namespace stream::manifest {

namespace {

constexpr char kRecordingSchema[] = "stream.recording/1";

double seconds(Nanoseconds time) {
  return std::round(std::chrono::duration<double>(time).count() * 1e6) / 1e6;
}

template <typename Number>
Json positive_or_null(Number number) {
  return number > 0 ? Json(number) : Json(nullptr);
}

Json to_json(const RecordingTrack& track) {
  return {{"kind", track.kind},
          {"codec", track.codec},
          {"codec_string", or_null(track.codec_string)},
          {"width", positive_or_null(track.width)},
          {"height", positive_or_null(track.height)},
          {"frame_rate", positive_or_null(track.frame_rate)},
          {"sample_rate", positive_or_null(track.sample_rate)},
          {"channels", positive_or_null(track.channels)},
          {"samples", track.samples}};
}

Json to_json(const RecordingThumbnails& thumbnails) {
  return {{"poster", thumbnails.poster},
          {"vtt", thumbnails.vtt},
          {"sprites", thumbnails.sprites},
          {"interval_seconds", seconds(thumbnails.interval)}};
}

Json to_json(const RecordingSession& session, const std::vector<RecordingFile>& files) {
  Nanoseconds duration{};
  uint64_t bytes = 0;
  for (const RecordingFile& file : files) {
    if (file.session != session.number) continue;
    duration += file.duration;
    bytes += file.bytes;
  }
  return {{"session", session.number},
          {"started_at", rfc3339(session.started)},
          {"ended_at", time_or_null(session.ended)},
          {"duration_seconds", seconds(duration)},
          {"size_bytes", bytes},
          {"reason", or_null(session.reason)}};
}

Json to_json(const RecordingGap& gap) {
  return {{"session", gap.session},         {"path", gap.path},
          {"at_seconds", seconds(gap.at)},  {"started_at", rfc3339(gap.started)},
          {"ended_at", rfc3339(gap.ended)}, {"duration_seconds", seconds(gap.ended - gap.started)}};
}

Json to_json(const RecordingFile& file) {
  Json tracks = Json::array();
  for (const RecordingTrack& track : file.tracks) tracks.push_back(to_json(track));
  return {{"path", file.path},
          {"format", file.format},
          {"session", file.session},
          {"sha256", or_null(file.sha256)},
          {"thumbnails", file.thumbnails ? to_json(*file.thumbnails) : Json(nullptr)},
          {"started_at", rfc3339(file.started)},
          {"ended_at", time_or_null(file.ended)},
          {"duration_seconds", file.ended ? Json(seconds(file.duration)) : Json(nullptr)},
          {"size_bytes", file.ended ? Json(file.bytes) : Json(nullptr)},
          {"discontinuities", file.discontinuities},
          {"complete", file.complete},
          {"reason", or_null(file.reason)},
          {"tracks", tracks}};
}

[[noreturn]] void invalid_recording(const std::string& what) {
  throw Error(Exit::kConfig, "manifest.invalid", "the recording's manifest is not valid: " + what,
              "its schema is stream.recording/1; restore the file or leave it out");
}

const Json& field(const Json& object, const char* name) {
  const auto at = object.is_object() ? object.find(name) : object.end();
  if (!object.is_object() || at == object.end())
    invalid_recording(std::string("no \"") + name + "\"");
  return *at;
}

template <typename T>
T get(const Json& object, const char* name, T if_null = {}) {
  const Json& value = field(object, name);
  if (value.is_null()) return if_null;
  try {
    return value.get<T>();
  } catch (const Json::exception&) {
    invalid_recording(std::string("\"") + name + "\" has the wrong type");
  }
}

Nanoseconds get_seconds(const Json& object, const char* name) {
  const double value = get<double>(object, name);
  if (!(value >= 0 && value < 1e9))
    invalid_recording(std::string("\"") + name + "\" is out of range");
  return Nanoseconds(std::llround(value * 1e9));
}

std::optional<WallTime> get_time(const Json& object, const char* name) {
  const std::string text = get<std::string>(object, name);
  if (text.empty()) return std::nullopt;
  const auto time = parse_rfc3339(text);
  if (!time) invalid_recording(std::string("\"") + name + "\" is not a time in UTC");
  return time;
}

RecordingTrack track_from_json(const Json& object) {
  RecordingTrack track;
  track.kind = get<std::string>(object, "kind");
  track.codec = get<std::string>(object, "codec");
  track.codec_string = get<std::string>(object, "codec_string");
  track.width = get<int>(object, "width");
  track.height = get<int>(object, "height");
  track.frame_rate = get<double>(object, "frame_rate");
  track.sample_rate = get<int>(object, "sample_rate");
  track.channels = get<int>(object, "channels");
  track.samples = get<uint64_t>(object, "samples");
  return track;
}

// For what manifests of earlier versions do not have.
template <typename T>
T get_or(const Json& object, const char* name, T otherwise) {
  return object.contains(name) ? get<T>(object, name, otherwise) : otherwise;
}

const Json& list(const Json& object, const char* name) {
  static const Json kNone = Json::array();
  if (!object.contains(name)) return kNone;
  const Json& value = field(object, name);
  if (!value.is_array()) invalid_recording(std::string("\"") + name + "\" is not a list");
  return value;
}

std::string inside(std::string path) {
  if (path.empty() || path[0] == '/' || path.find("..") != std::string::npos) {
    invalid_recording("\"path\" leads out of the recording's directory");
  }
  return path;
}

RecordingThumbnails thumbnails_from_json(const Json& object) {
  RecordingThumbnails thumbnails;
  thumbnails.poster = inside(get<std::string>(object, "poster"));
  thumbnails.vtt = inside(get<std::string>(object, "vtt"));
  thumbnails.interval = get_seconds(object, "interval_seconds");
  for (std::string& sprite : get<std::vector<std::string>>(object, "sprites")) {
    thumbnails.sprites.push_back(inside(std::move(sprite)));
  }
  return thumbnails;
}

RecordingSession session_from_json(const Json& object) {
  RecordingSession session;
  session.number = get<int>(object, "session");
  session.started = get_time(object, "started_at").value_or(WallTime());
  session.ended = get_time(object, "ended_at");
  session.reason = get<std::string>(object, "reason");
  return session;
}

RecordingGap gap_from_json(const Json& object) {
  RecordingGap gap;
  gap.session = get<int>(object, "session");
  gap.path = inside(get<std::string>(object, "path"));
  gap.at = get_seconds(object, "at_seconds");
  gap.started = get_time(object, "started_at").value_or(WallTime());
  gap.ended = get_time(object, "ended_at").value_or(gap.started);
  return gap;
}

RecordingFile file_from_json(const Json& object) {
  RecordingFile file;
  file.path = inside(get<std::string>(object, "path"));
  file.format = get_or<std::string>(object, "format", "mp4");
  file.session = get_or(object, "session", 1);
  file.sha256 = get_or<std::string>(object, "sha256", {});
  if (object.contains("thumbnails") && !object["thumbnails"].is_null()) {
    file.thumbnails = thumbnails_from_json(object["thumbnails"]);
  }
  file.started = get_time(object, "started_at").value_or(WallTime());
  file.ended = get_time(object, "ended_at");
  file.duration = get_seconds(object, "duration_seconds");
  file.bytes = get<uint64_t>(object, "size_bytes");
  file.discontinuities = get<int>(object, "discontinuities");
  file.complete = get<bool>(object, "complete");
  file.reason = get<std::string>(object, "reason");
  field(object, "tracks");
  for (const Json& track : list(object, "tracks")) file.tracks.push_back(track_from_json(track));
  return file;
}

}  // namespace

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}

Json time_or_null(const std::optional<WallTime>& time) {
  return time ? Json(rfc3339(*time)) : Json(nullptr);
}

bool Recording::ready() const {
  if (files.empty()) return false;
  for (const RecordingFile& file : files) {
    if (!file.ended) return false;
  }
  return true;
}

std::string Recording::incomplete() const {
  if (!ended) return "it has not ended";
  if (files.empty()) return "it has no file";
  if (lost.count() > 0)
    return std::to_string(std::chrono::duration<double>(lost).count()) + " s of media were lost";
  if (dropped_packets > 0) return std::to_string(dropped_packets) + " packets were dropped";
  for (const RecordingFile& file : files) {
    if (!file.complete) return file.path + " is without its index";
  }
  return {};
}

Json to_json(const Recording& recording) {
  Json files = Json::array(), sessions = Json::array(), gaps = Json::array();
  for (const RecordingSession& s : recording.sessions) {
    sessions.push_back(to_json(s, recording.files));
  }
  for (const RecordingGap& gap : recording.gaps) gaps.push_back(to_json(gap));
  Nanoseconds duration{};
  uint64_t bytes = 0;
  for (const RecordingFile& file : recording.files) {
    files.push_back(to_json(file));
    duration += file.duration;
    bytes += file.bytes;
  }
  return {{"schema", kRecordingSchema},
          {"recording", recording.id},
          {"stream", or_null(recording.stream)},
          {"input", recording.input},
          {"state", recording.state},
          {"recording_ready", recording.ready()},
          {"complete", recording.complete()},
          {"reason", or_null(recording.reason)},
          {"started_at", rfc3339(recording.started)},
          {"ended_at", time_or_null(recording.ended)},
          {"duration_seconds", seconds(duration)},
          {"size_bytes", bytes},
          {"lost_seconds", seconds(recording.lost)},
          {"dropped_packets", recording.dropped_packets},
          {"sessions", sessions},
          {"gaps", gaps},
          {"files", files}};
}

Recording recording_from_json(const Json& document) {
  if (get<std::string>(document, "schema") != kRecordingSchema)
    invalid_recording("its schema is another");
  Recording recording;
  recording.id = get<std::string>(document, "recording");
  recording.stream = get<std::string>(document, "stream");
  recording.input = get<std::string>(document, "input");
  recording.state = get<std::string>(document, "state");
  recording.reason = get<std::string>(document, "reason");
  recording.started = get_time(document, "started_at").value_or(WallTime());
  recording.ended = get_time(document, "ended_at");
  recording.lost = get_seconds(document, "lost_seconds");
  recording.dropped_packets = get<uint64_t>(document, "dropped_packets");
  for (const Json& session : list(document, "sessions")) {
    recording.sessions.push_back(session_from_json(session));
  }
  for (const Json& gap : list(document, "gaps")) recording.gaps.push_back(gap_from_json(gap));
  field(document, "files");
  for (const Json& file : list(document, "files")) recording.files.push_back(file_from_json(file));
  return recording;
}

}  // namespace stream::manifest
