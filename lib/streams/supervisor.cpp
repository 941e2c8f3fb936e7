#include "streams/supervisor.h"

#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "base/text.h"
#include "control/client.h"
#include "os/dirs.h"
#include "os/notify.h"
#include "os/unix_socket.h"

namespace stream::streams {
namespace {

using namespace std::chrono_literals;
using manifest::Cause;
using manifest::Life;

constexpr auto kTick = 100ms;  // how soon media is seen
constexpr std::chrono::microseconds kSleep = 20s;
constexpr Nanoseconds kMediaPause = 3s;  // a source that is started again is not the end
constexpr Nanoseconds kReadersEnd = 3s;  // of the five seconds; then the source goes too
constexpr Nanoseconds kAllEnd = 4800ms;  // then nothing is asked any more
constexpr Nanoseconds kDestinationsPause = 300ms;
constexpr auto kDestinationsAnswer = 1s;
constexpr char kArchive[] = "archive";

}  // namespace

// --- branches --------------------------------------------------------------------------------

Branch* Supervisor::find(const std::string& tool) {
  for (const auto& one : branches_)
    if (one->tool() == tool) return one.get();
  return nullptr;
}

Branch& Supervisor::branch(const std::string& tool) {
  if (Branch* known = find(tool)) return *known;
  branches_.push_back(std::make_unique<Branch>(
      file_.name, tool, limits_,
      [this](const char* event, Json fields) { service_.emit(event, std::move(fields)); }));
  return *branches_.back();
}

// Also what the file does not name, as it may run since before the file was changed.
void Supervisor::want_all() {
  const auto list = processes(file_);
  // stream-serve wants to see it before stream-ladder runs, which tells better what is wrong.
  std::error_code ignored;
  if (const std::string output = hls_output(file_); !output.empty())
    std::filesystem::create_directories(output, ignored);
  for (const Process& process : list)
    if (!process.stores) branch(process.tool).want(process);
  for (const Section& section : sections()) {
    const std::string tool(section.tool);
    const bool there =
        std::any_of(list.begin(), list.end(), [&](const Process& p) { return p.tool == tool; });
    if (!there && tool != kArchive) branch(tool).want(std::nullopt);
  }
  want_archive();
  const auto rank = [&](const std::unique_ptr<Branch>& one) {
    const auto at = std::find_if(list.begin(), list.end(),
                                 [&](const Process& p) { return p.tool == one->tool(); });
    return at - list.begin();
  };
  std::stable_sort(branches_.begin(), branches_.end(),
                   [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
}

// Between sessions too. What still takes an earlier run's recordings away is left to it.
void Supervisor::want_archive() {
  for (const Process& process : processes(file_))
    if (process.stores) return branch(process.tool).want(process);
  if (Branch* one = find(kArchive)) one->want(std::nullopt);
}

// Which stream is on the bus: the socket of each is another.
std::string Supervisor::media(Nanoseconds) {
  const Branch* source = find("ingest");
  const bool ours = source && source->wanted();
  if (ours && source->idle()) return {};
  if (!ours && !os::socket_is_live(os::control_socket_path(file_.name, "ingest"))) return {};
  struct stat st {};
  if (::stat(os::media_socket_path(file_.name).c_str(), &st) != 0) return {};
  return std::to_string(st.st_ino) + "." + std::to_string(st.st_ctim.tv_sec) + "." +
         std::to_string(st.st_ctim.tv_nsec);
}

void Supervisor::step(Nanoseconds now) {
  answer_requests();
  keep(now);
  if (!ending_ && service_.stopping()) {
    leaving_ = true;
    if (!asleep_) begin_end("it was asked to end", false, now);
  }
  media_ = media(now);
  const bool guarded = keep_rights(now);
  bool earlier_ready = true;
  for (const auto& one : branches_) {
    // What reads media waits for media alone: a page that can't be served costs no recording.
    const bool may = one->stores() || (one->reads_media() ? !media_.empty() : earlier_ready);
    const bool shows = one->tool() == "ladder" || one->tool() == "serve";
    one->step(now, media_, !ending_ && may && (guarded || !shows));
    if (one->wanted() && !one->reads_media() && !one->stores())
      earlier_ready =
          earlier_ready && (one->ready() || (one->gave_up() && one->tool() != "ingest"));
  }
  if (ending_) {
    step_end(now);
  } else if (asleep_) {
    if (leaving_)
      for (const auto& one : branches_) one->want(std::nullopt);
    over_ = leaving_ && all_idle();
  } else {
    if (earlier_ready && !opened_) {
      opened_ = true;
      move(Cause::kOpened, "its programs are ready");
      tell_ready("stream " + file_.name + " is ready");
    }
    for (const auto& one : branches_)
      if (one->wanted() && !one->idle()) teller_.follow(one->tool(), now);
    follow_media(now);
    set_destinations(now);
    if (const Branch* source = find("ingest"); source && source->wanted()) {
      if (source->done()) begin_end("the source has ended", false, now);
      if (source->gave_up())
        begin_end("stream-ingest was given up: " + source->reason(), true, now);
    }
  }
  teller_.step();
  look_for_recordings(now, over_);
  publish_status(now);
}

void Supervisor::follow_media(Nanoseconds now) {
  if (!media_.empty()) {
    media_gone_ = now;
    if (opened_) move(Cause::kMediaBegan, "media flows");
  } else if (now - media_gone_ > kMediaPause) {
    move(Cause::kMediaEnded, "no media comes any more");
  }
}

// Over the control socket: the others of stream-simulcast are not touched by it.
void Supervisor::set_destinations(Nanoseconds now) {
  const Branch* one = find("simulcast");
  if (!one || !one->wanted() || one->idle()) return;
  if (!destinations_due_ && destinations_of_ == one->starts()) return;
  if (now - destinations_tried_ < kDestinationsPause) return;
  destinations_tried_ = now;
  try {
    control::Client client(os::control_socket_path(file_.name, "simulcast"), kDestinationsAnswer);
    teller_.follow("simulcast", now);  // to hear what becomes of them
    const Json list = client.call("destination.list");
    for (const Json& known : list.at("destinations")) {
      const std::string name = known.at("name");
      if (std::none_of(file_.destinations.begin(), file_.destinations.end(),
                       [&](const Destination& d) { return d.name == name; }))
        client.call("destination.remove", {{"names", {name}}});
    }
    for (const Destination& destination : file_.destinations) {
      try {
        client.call("destination.add", {{"spec", destination.spec()}});
      } catch (const Error& e) {
        if (e.code() != Exit::kUsage) throw;
        if (e.id() == "destination.name")
          client.call("destination.set", {{"spec", destination.spec()}});
        else
          log::error("destination '" + destination.name + "': " + e.what());
      }
    }
    destinations_due_ = false;
    destinations_of_ = one->starts();
  } catch (const Error& e) {
    // Not there yet, or gone: again. What is wrong in itself stays wrong.
    if (e.code() == Exit::kNotRunning || e.code() == Exit::kTimeout || e.code() == Exit::kNetwork)
      return;
    log::error("destinations of '" + file_.name + "': " + e.what());
    destinations_due_ = false;
    destinations_of_ = one->starts();
  } catch (const Json::exception& e) {
    log::error("stream-simulcast answered in an unknown form: " + std::string(e.what()));
    destinations_due_ = false;
    destinations_of_ = one->starts();
  }
}

void Supervisor::look_for_recordings(Nanoseconds now, bool at_once) {
  const Part* record = file_.find("record");
  if (!record || !stream_.opened || (now - recordings_looked_ < 1s && !at_once)) return;
  recordings_looked_ = now;
  const std::string directory = record->value("output");
  manifest::FileStore files(directory);
  // NAME-20261120T100000Z: the time tells which are of this run without opening them.
  std::string since = rfc3339(*stream_.opened).substr(0, 19);
  std::erase_if(since, [](char c) { return c == '-' || c == ':'; });
  bool changed = false;
  for (const std::string& key : files.list("")) {
    if (!key.starts_with(file_.name + "-") || key.substr(file_.name.size() + 1) < since) continue;
    try {
      const auto document = files.load(key);
      if (!document) continue;
      const manifest::Recording r = manifest::recording_from_json(*document);
      manifest::StreamRecording entry{key, directory, r.started, r.ended, {}, 0, r.ready()};
      for (const manifest::RecordingFile& file : r.files)
        entry.duration += file.duration, entry.bytes += file.bytes;
      const auto known =
          std::find_if(stream_.recordings.begin(), stream_.recordings.end(),
                       [&](const manifest::StreamRecording& one) { return one.id == key; });
      if (known != stream_.recordings.end() && known->ready == entry.ready &&
          known->bytes == entry.bytes)
        continue;
      changed = true;
      if (stream_.note(entry)) teller_.recording_ready(entry, r.files.size());
    } catch (const Error& e) {  // half of another program's, or damaged: not ours to judge
      log::debug(e.what());
    }
  }
  if (changed) save();
}

// --- the end ---------------------------------------------------------------------------------

void Supervisor::begin_end(const std::string& reason, bool failed, Nanoseconds now) {
  if (ending_) return;
  ending_ = true;
  failed_ = failed;
  end_reason_ = reason;
  ending_since_ = now;
  if (!failed || stream_.life != Life::kScheduled) move(Cause::kEndAsked, reason);
  for (const auto& one : branches_)
    if (one->reads_media()) one->want(std::nullopt);
}

// Readers first: they finalise what they have while the source is still there.
void Supervisor::step_end(Nanoseconds now) {
  const bool readers_gone = std::all_of(branches_.begin(), branches_.end(), [](const auto& one) {
    return one->wanted() || one->idle();
  });
  if (readers_gone || now - ending_since_ > kReadersEnd)
    for (const auto& one : branches_) one->want(std::nullopt);
  if (now - ending_since_ > kAllEnd)
    for (const auto& one : branches_) one->kill();
  over_ = all_idle();
}

bool Supervisor::all_idle() const {
  return std::all_of(branches_.begin(), branches_.end(),
                     [](const auto& one) { return !one->wanted() && one->idle(); });
}

void Supervisor::move(Cause cause, const std::string& reason) {
  if (!stream_.move(cause, reason, wall_now())) return;
  if (file_.hooks.empty()) stream_.mark_told();  // nobody is: it is saved once
  save();
  tell_moves();
  service_.emit(event_of(stream_.life),
                {{"before", to_text(stream_.moves.back().from)}, {"reason", reason}});
  service_.status_line(file_.name + " is " + std::string(to_text(stream_.life)) + ": " + reason);
}

void Supervisor::tell_moves() {
  const std::vector<Told> told = untold(stream_);
  if (told.empty()) return;
  teller_.put(told);
  stream_.mark_told();
  save();
}

void Supervisor::save() {
  try {
    manifest::save_stream(store_, stream_);
  } catch (const Error& e) {  // a full disk: the stream goes on
    log::error(std::string("the stream's manifest could not be written: ") + e.what());
  }
}

void Supervisor::publish_status(Nanoseconds now) {
  Json list = Json::array();
  for (const auto& one : branches_)
    if (one->wanted() || !one->idle()) list.push_back(one->status(now));
  const Json life = to_text(stream_.life);
  const Json reason = stream_.reason.empty() ? Json(nullptr) : Json(stream_.reason);
  std::lock_guard lock(mutex_);
  status_ = {{"lifecycle", life},
             {"reason", reason},
             {"session", session_status()},
             {"next_session", next_},
             {"programs", std::move(list)}};
}

// --- the loop --------------------------------------------------------------------------------

void Supervisor::wait(Nanoseconds) {
  std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}};
  if (!ending_ && !leaving_) fds.push_back({service_.stop_fd(), POLLIN, 0});
  teller_.add_handles(fds);
  for (const auto& one : branches_) {
    fds.push_back({one->notifications(), POLLIN, 0});
    if (one->handle() >= 0) fds.push_back({one->handle(), POLLIN, 0});
  }
  // Nothing to do until the timer: only the watchdog wants to hear of us.
  const bool sleeps = asleep_ && !leaving_ &&
                      std::all_of(branches_.begin(), branches_.end(),
                                  [](const auto& one) { return one->stores() || one->idle(); });
  if (sleeps) fds.push_back({timer_.fd(), POLLIN, 0});
  const auto most = os::watchdog_interval().value_or(kSleep);
  const auto time = sleeps ? std::chrono::ceil<std::chrono::milliseconds>(most / 2) : kTick;
  ::poll(fds.data(), fds.size(), static_cast<int>(time.count()));
}

Exit Supervisor::run() {
  media_gone_ = monotonic_now();
  stream_.file = to_json(file_);
  stream_.title = file_.title;
  stream_.group = file_.group;
  save();
  take_rights(std::nullopt);
  teller_.set(file_.hooks);
  tell_moves();  // of one that was killed before it could
  begin_run();
  do {
    const Nanoseconds now = monotonic_now();
    step(now);
    service_.alive();
    if (!over_) wait(now);
  } while (!over_ || go_on());
  answer_requests();
  teller_.finish();
  if (!failed_) return Exit::kOk;
  throw Error(Exit::kNo, "stream.failed", "the stream '" + file_.name + "' failed: " + end_reason_,
              "the program's own message stands above");
}

}  // namespace stream::streams
