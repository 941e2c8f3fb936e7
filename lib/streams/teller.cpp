#include "streams/teller.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "os/dirs.h"

namespace stream::streams {
namespace {

using namespace std::chrono_literals;

constexpr auto kSubscribeAnswer = 500ms;
constexpr Nanoseconds kSubscribeAgain = 2s;
constexpr size_t kMostLines = 4096;  // of our own between two steps

// One event told by itself is the first of its kind: its place is in the time and in the id.
Told told_at(manifest::WallTime time, const std::string& stream, const std::string& event,
             const Json& fields, std::vector<std::string> words) {
  Json document{{"schema", "stream.event/1"}, {"time", rfc3339(time)},
                {"tool", "stream-ctl"},       {"event", event},
                {"stream", stream},           {"seq", 1}};
  document.update(fields);
  words.insert(words.begin(), {stream, event});
  return {std::move(document), hooks::message_id(words)};
}

// These are told from the manifest, which no crash leaves out.
bool is_from_manifest(const std::string& event) {
  return event == "recording.ready" || event == "stream.scheduled" || event == "stream.ready" ||
         event == "stream.live" || event == "stream.ending" || event == "stream.ended" ||
         event == "stream.failed";
}

}  // namespace

const char* event_of(manifest::Life life) {
  switch (life) {
    case manifest::Life::kScheduled:
      return "stream.scheduled";
    case manifest::Life::kReady:
      return "stream.ready";
    case manifest::Life::kLive:
      return "stream.live";
    case manifest::Life::kEnding:
      return "stream.ending";
    case manifest::Life::kCompleted:
      return "stream.ended";
    case manifest::Life::kError:
      return "stream.failed";
  }
  return "";
}

std::vector<Told> untold(const manifest::Stream& stream) {
  std::vector<Told> out;
  manifest::WallTime since = stream.created;
  for (const manifest::StreamMove& move : stream.moves) {
    const std::string from(manifest::to_text(move.from));
    if (move.untold)
      out.push_back(told_at(move.at, stream.name, event_of(move.to),
                            {{"before", from}, {"reason", move.reason}}, {rfc3339(since), from}));
    since = move.at;
  }
  return out;
}

Teller::Teller(control::Service& service, std::string stream, hooks::ReadSecret read_secret)
    : service_(service),
      stream_(std::move(stream)),
      hooks_(
          stream_, hooks::hooks_directory(stream_), std::move(read_secret),
          [&service](const char* event, Json fields) { service.emit(event, std::move(fields)); }) {}

Teller::~Teller() {
  if (subscription_) service_.events().unsubscribe(subscription_);
}

void Teller::set(const std::vector<hooks::Hook>& hooks) {
  hooks_.set(hooks);
  if (hooks_.empty()) {
    clients_.clear();
  } else if (!subscription_) {
    subscription_ = service_.events().subscribe([this](const control::Line& line) {
      const std::lock_guard lock(mutex_);
      if (own_.size() < kMostLines) own_.push_back(line);
    });
  }
}

void Teller::follow(const std::string& tool, Nanoseconds now) {
  if (hooks_.empty() || clients_.count(tool) || now < next_try_[tool]) return;
  try {
    auto client =
        std::make_unique<control::Client>(os::control_socket_path(stream_, tool), kSubscribeAnswer);
    client->call("subscribe");
    clients_[tool] = std::move(client);
  } catch (const Error& e) {
    // Not there yet: soon. One that is there and silent would hold us up each time.
    if (e.code() != Exit::kNotRunning) next_try_[tool] = now + kSubscribeAgain;
  } catch (const Json::exception& e) {
    next_try_[tool] = now + kSubscribeAgain;
  }
}

void Teller::step() {
  std::vector<control::Line> own;
  {
    const std::lock_guard lock(mutex_);
    own.swap(own_);
  }
  for (const control::Line& line : own) put_line(*line);
  for (auto it = clients_.begin(); it != clients_.end();) {
    pollfd handle{it->second->fd(), POLLIN, 0};
    std::vector<std::string> lines;
    bool open = true;
    try {
      if (::poll(&handle, 1, 0) > 0) open = it->second->read_available(lines);
    } catch (const Error& e) {
      log::warning(e.what());
      open = false;
    }
    for (const std::string& line : lines) put_line(line);
    it = open ? std::next(it) : clients_.erase(it);
  }
}

void Teller::add_handles(std::vector<pollfd>& fds) const {
  for (const auto& [tool, client] : clients_) fds.push_back({client->fd(), POLLIN, 0});
}

void Teller::put_line(const std::string& line) {
  const Json event = Json::parse(line, nullptr, false);
  if (!event.is_object() || !event.contains("event") || !event["event"].is_string()) return;
  const std::string name = event["event"];
  if (event.value("schema", "") == "stream.event/1" && !is_from_manifest(name)) hooks_.put(event);
}

void Teller::put(const std::vector<Told>& told) {
  for (const Told& one : told) hooks_.put(one.event, one.id);
}

void Teller::recording_ready(const manifest::StreamRecording& r, size_t files) {
  if (hooks_.empty()) return;
  const Json fields{{"manifest", r.directory + "/" + r.id + ".json"},
                    {"bytes", r.bytes},
                    {"duration_seconds", std::chrono::duration<double>(r.duration).count()}};
  put({told_at(wall_now(), stream_, "recording.ready", fields, {r.id, std::to_string(files)})});
}

}  // namespace stream::streams
