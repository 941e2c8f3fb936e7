#include "manifest/stream.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/text.h"

namespace stream::manifest {

namespace {

constexpr char kStreamSchema[] = "stream.stream/1";
constexpr size_t kMost = 100;

struct Row {
  Life from;
  Cause cause;
  Life to;
};
// What is not here changes nothing.
constexpr Row kTable[] = {
    {Life::kScheduled, Cause::kOpened, Life::kReady},
    {Life::kScheduled, Cause::kEndAsked, Life::kCompleted},
    {Life::kScheduled, Cause::kFailed, Life::kError},
    {Life::kReady, Cause::kMediaBegan, Life::kLive},
    {Life::kReady, Cause::kEndAsked, Life::kEnding},
    {Life::kReady, Cause::kFailed, Life::kError},
    {Life::kLive, Cause::kMediaEnded, Life::kReady},
    {Life::kLive, Cause::kEndAsked, Life::kEnding},
    {Life::kLive, Cause::kFailed, Life::kError},
    {Life::kEnding, Cause::kOpened, Life::kReady},
    {Life::kEnding, Cause::kAllEnded, Life::kCompleted},
    {Life::kEnding, Cause::kFailed, Life::kError},
    {Life::kCompleted, Cause::kOpened, Life::kReady},
    {Life::kCompleted, Cause::kReset, Life::kScheduled},
    {Life::kError, Cause::kOpened, Life::kReady},
    {Life::kError, Cause::kReset, Life::kScheduled},
};

constexpr std::string_view kNames[] = {"scheduled", "ready",     "live",
                                       "ending",    "completed", "error"};

[[noreturn]] void invalid_stream(const std::string& what) {
  throw Error(Exit::kConfig, "manifest.invalid", "the stream's manifest is not valid: " + what,
              "its schema is stream.stream/1; restore it, or delete the stream and apply it anew");
}

Life life_of(const Json& object, const char* name) {
  const auto life = life_from(object.at(name).get<std::string>());
  if (!life) invalid_stream(std::string("\"") + name + "\" is no state");
  return *life;
}

std::optional<WallTime> time_of(const Json& object, const char* name) {
  const Json& value = object.at(name);
  if (value.is_null()) return std::nullopt;
  const auto time = parse_rfc3339(value.get<std::string>());
  if (!time) invalid_stream(std::string("\"") + name + "\" is not a time in UTC");
  return time;
}

std::string text_of(const Json& object, const char* name) {
  const Json& value = object.at(name);
  return value.is_null() ? std::string() : value.get<std::string>();
}

Json to_json(const StreamMove& move) {
  Json object{{"at", rfc3339(move.at)},
              {"from", to_text(move.from)},
              {"to", to_text(move.to)},
              {"reason", or_null(move.reason)}};
  if (move.untold) object["untold"] = true;
  return object;
}

Json to_json(const StreamRecording& r) {
  return {{"recording", r.id},
          {"directory", r.directory},
          {"started_at", rfc3339(r.started)},
          {"ended_at", time_or_null(r.ended)},
          {"duration_seconds", std::chrono::duration<double>(r.duration).count()},
          {"size_bytes", r.bytes},
          {"ready", r.ready}};
}

Json to_json(const StreamSession& s) {
  return {{"start_at", rfc3339(s.start)},
          {"end_at", rfc3339(s.end)},
          {"title", or_null(s.title)},
          {"state", s.missed   ? "missed"
                    : s.open() ? "open"
                               : "closed"},
          {"opened_at", time_or_null(s.opened)},
          {"closed_at", time_or_null(s.closed)},
          {"reason", or_null(s.reason)}};
}

StreamSession session_of(const Json& object) {
  StreamSession s;
  s.start = time_of(object, "start_at").value_or(WallTime());
  s.end = time_of(object, "end_at").value_or(WallTime());
  s.title = text_of(object, "title");
  s.missed = object.at("state") == "missed";
  s.opened = time_of(object, "opened_at");
  s.closed = time_of(object, "closed_at");
  s.reason = text_of(object, "reason");
  return s;
}

StreamRecording recording_of(const Json& object) {
  StreamRecording r;
  r.id = object.at("recording").get<std::string>();
  r.directory = object.at("directory").get<std::string>();
  r.started = time_of(object, "started_at").value_or(WallTime());
  r.ended = time_of(object, "ended_at");
  const double seconds = object.at("duration_seconds").get<double>();
  if (!(seconds >= 0 && seconds < 1e9)) invalid_stream("\"duration_seconds\" is out of range");
  r.duration = Nanoseconds(std::llround(seconds * 1e9));
  r.bytes = object.at("size_bytes").get<uint64_t>();
  r.ready = object.at("ready").get<bool>();
  return r;
}

}  // namespace

std::optional<Life> next(Life life, Cause cause) {
  for (const Row& row : kTable)
    if (row.from == life && row.cause == cause) return row.to;
  return std::nullopt;
}

std::string_view to_text(Life life) {
  return kNames[static_cast<size_t>(life)];
}

std::optional<Life> life_from(std::string_view text) {
  for (const Life life : kLives)
    if (to_text(life) == text) return life;
  return std::nullopt;
}

bool Stream::move(Cause cause, const std::string& why, WallTime now) {
  const auto to = next(life, cause);
  if (!to) return false;
  moves.push_back({now, life, *to, why, true});
  if (moves.size() > kMost) moves.erase(moves.begin());
  life = *to;
  reason = why;
  if (life == Life::kReady && cause == Cause::kOpened) opened = now, live.reset(), ended.reset();
  if (life == Life::kLive) live = now;
  if (life == Life::kCompleted || life == Life::kError) ended = now;
  return true;
}

void Stream::mark_told() {
  for (StreamMove& one : moves) one.untold = false;
}

bool Stream::note(StreamRecording recording) {
  const auto known = std::find_if(recordings.begin(), recordings.end(),
                                  [&](const StreamRecording& r) { return r.id == recording.id; });
  const bool became = recording.ready && (known == recordings.end() || !known->ready);
  if (known != recordings.end())
    *known = std::move(recording);
  else
    recordings.push_back(std::move(recording));
  if (recordings.size() > kMost) recordings.erase(recordings.begin());
  return became;
}

void Stream::note(StreamSession session) {
  const auto place =
      std::lower_bound(sessions.begin(), sessions.end(), session.start,
                       [](const StreamSession& s, WallTime start) { return s.start < start; });
  if (place != sessions.end() && place->start == session.start)
    *place = std::move(session);
  else
    sessions.insert(place, std::move(session));
  if (sessions.size() > kMost) sessions.erase(sessions.begin());
}

StreamSession* Stream::open_session() {
  for (StreamSession& session : sessions)
    if (session.open()) return &session;
  return nullptr;
}

Json to_json(const Stream& s) {
  Json moves = Json::array(), recordings = Json::array(), sessions = Json::array();
  for (const StreamSession& session : s.sessions) sessions.push_back(to_json(session));
  for (const StreamMove& move : s.moves) moves.push_back(to_json(move));
  for (const StreamRecording& recording : s.recordings) recordings.push_back(to_json(recording));
  return {{"schema", kStreamSchema},
          {"name", s.name},
          {"title", or_null(s.title)},
          {"group", or_null(s.group)},
          {"path", or_null(s.path)},
          {"file", s.file},
          {"state", to_text(s.life)},
          {"reason", or_null(s.reason)},
          {"created_at", rfc3339(s.created)},
          {"ready_at", time_or_null(s.opened)},
          {"live_at", time_or_null(s.live)},
          {"ended_at", time_or_null(s.ended)},
          {"moves", moves},
          {"recordings", recordings},
          {"sessions", sessions}};
}

Stream stream_from_json(const Json& document) {
  try {
    if (document.at("schema") != kStreamSchema) invalid_stream("its schema is another");
    Stream s;
    s.name = document.at("name").get<std::string>();
    if (!is_stream_name(s.name)) invalid_stream("\"name\" is no stream name");
    s.title = text_of(document, "title");
    s.group = text_of(document, "group");
    s.path = text_of(document, "path");
    s.file = document.at("file");
    s.life = life_of(document, "state");
    s.reason = text_of(document, "reason");
    s.created = time_of(document, "created_at").value_or(WallTime());
    s.opened = time_of(document, "ready_at");
    s.live = time_of(document, "live_at");
    s.ended = time_of(document, "ended_at");
    for (const Json& move : document.at("moves"))
      s.moves.push_back({time_of(move, "at").value_or(WallTime()), life_of(move, "from"),
                         life_of(move, "to"), text_of(move, "reason"),
                         move.value("untold", false)});
    for (const Json& recording : document.at("recordings"))
      s.recordings.push_back(recording_of(recording));
    // Not in those that were written before there were schedules.
    if (document.contains("sessions"))
      for (const Json& session : document["sessions"]) s.note(session_of(session));
    return s;
  } catch (const Json::exception& e) {
    invalid_stream(e.what());
  }
}

std::string stream_key(const std::string& name) {
  check_stream_name(name);
  return name + "/stream";
}

std::optional<Stream> load_stream(Store& store, const std::string& name) {
  const auto document = store.load(stream_key(name));
  if (!document) return std::nullopt;
  return stream_from_json(*document);
}

void save_stream(Store& store, const Stream& stream) {
  store.save(stream_key(stream.name), to_json(stream), true);
}

}  // namespace stream::manifest
