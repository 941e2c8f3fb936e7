#include "archive/mirror.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>

#include "base/log.h"
#include "base/text.h"
#include "hls/playlist.h"
#include "os/fd.h"

namespace stream::archive {

namespace {

constexpr char kMaster[] = "master.m3u8";
constexpr size_t kMaxPlaylist = 16 << 20;
// More than can be under way: pushing never waits.
constexpr size_t kMostJobs = 1 << 16;
constexpr Nanoseconds kLagEvery = std::chrono::seconds(10);

std::optional<std::string> read_playlist(const std::string& path) {
  try {
    return os::read_file(path, kMaxPlaylist);
  } catch (const Error&) {
    return std::nullopt;  // not there yet, or not any more
  }
}

std::string folder_of(const std::string& uri) {
  return uri.substr(0, uri.rfind('/') + 1);  // npos + 1 is 0
}

// Full jitter, up to 5 s: after an outage the newest segments are tried soon.
Nanoseconds backoff(int failures) {
  static thread_local std::mt19937_64 engine{std::random_device{}()};
  const double most = std::min(5.0, 0.25 * std::pow(2.0, std::min(failures, 10)));
  const double seconds = std::uniform_real_distribution<double>(most / 2, most)(engine);
  return Nanoseconds(static_cast<int64_t>(seconds * 1e9));
}

}  // namespace

Mirror::Mirror(Store& store, MirrorOptions options, Events events)
    : store_(store),
      options_(std::move(options)),
      events_(std::move(events)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      jobs_(kMostJobs),
      began_(wall_now()) {
  if (!wake_) throw_errno("make", "an eventfd", errno);
  for (unsigned i = 0; i < options_.parallel; ++i) workers_.emplace_back([this] { work(); });
}

Mirror::~Mirror() {
  jobs_.stop();
  store_.stop();
  for (std::thread& worker : workers_) worker.join();
}

MirrorStatus Mirror::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

bool Mirror::run() {
  next_lag_ = monotonic_now() + kLagEvery;
  while (true) {
    scan();
    dispatch();
    if (has_ended() || (options_.once && is_current())) break;
    wait();
    struct pollfd stop {
      options_.stop_fd, POLLIN, 0
    };
    if (options_.stop_fd >= 0 && ::poll(&stop, 1, 0) > 0) return false;
    collect();
    tell_lag();
  }
  const std::lock_guard lock(mutex_);
  status_.ended = has_ended();
  return true;
}

bool Mirror::has_ended() const {
  if (renditions_.empty() || under_way_ > 0 || master_put_ != master_) return false;
  return std::all_of(renditions_.begin(), renditions_.end(),
                     [](const auto& each) { return each.second.state.ended(); });
}

bool Mirror::is_current() const {
  if (under_way_ > 0) return false;
  bool all_live = true;
  for (const auto& [folder, rendition] : renditions_) {
    if (!rendition.state.is_current()) return false;
    all_live = all_live && rendition.state.is_live();
  }
  return master_put_ == master_ || !all_live;  // one has no segment yet
}

void Mirror::wait() {
  Nanoseconds time = options_.rescan;
  const Nanoseconds now = monotonic_now();
  if (hold_until_ > now) time = std::min(time, hold_until_ - now);
  for (const auto& [folder, rendition] : renditions_)
    if (rendition.next_put > now) time = std::min(time, rendition.next_put - now);
  struct pollfd fds[3] = {
      {options_.stop_fd, POLLIN, 0}, {wake_.get(), POLLIN, 0}, {watch_.fd(), POLLIN, 0}};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  ::poll(fds, 3, static_cast<int>(ms));
  uint64_t count = 0;
  if (fds[1].revents && ::read(wake_.get(), &count, sizeof count) < 0) log::debug("spurious wake");
  watch_.drain();
}

// What is on the disk now.

void Mirror::scan() {
  watch_.add(options_.directory);
  const std::string path = options_.directory + "/" + kMaster;
  const FileMark mark = mark_of(path);
  if (mark.inode != 0 && !(mark == master_mark_ && master_settled_)) {
    master_mark_ = mark;
    master_settled_ = mark.is_settled();
    if (const auto text = read_playlist(path); text && *text != master_) take_master(*text);
  }
  uint64_t skipped = 0, behind = 0;
  for (auto& [folder, rendition] : renditions_) {
    scan_rendition(folder, rendition);
    skipped += rendition.state.skipped();
    behind += rendition.state.behind();
  }
  const std::lock_guard lock(mutex_);
  status_.skipped = skipped;
  status_.behind = behind;
}

void Mirror::take_master(const std::string& text) {
  const auto parsed = hls::parse_master_playlist(text);
  std::vector<std::string> uris;
  if (const auto* master = std::get_if<hls::MasterPlaylist>(&parsed)) {
    for (const hls::Variant& variant : master->variants) uris.push_back(variant.uri);
    for (const hls::AudioRendition& audio : master->audio)
      if (!audio.uri.empty()) uris.push_back(audio.uri);
  }
  if (uris.empty() || !std::all_of(uris.begin(), uris.end(), is_plain_uri)) {
    log::warning(options_.directory + "/" + kMaster + " can't be mirrored: it is damaged, or " +
                 "lists what is not beneath it");
    return;
  }
  master_ = text;
  for (const std::string& uri : uris) {
    const std::string folder = folder_of(uri);
    watch_.add(options_.directory + "/" + folder);
    const auto [at, is_new] = renditions_.try_emplace(folder);
    at->second.playlist = uri.substr(folder.size());
    if (is_new) look_at_store(folder, at->second);
  }
}

// What an earlier run left there: not sent again when it is the same, removed when it is old.
void Mirror::look_at_store(const std::string& folder, Rendition& rendition) {
  try {
    for_each_object(store_, options_.prefix + folder, [&](const Object& object) {
      const std::string uri = object.key.substr(options_.prefix.size() + folder.size());
      const bool media = uri.ends_with(".m4s") || uri.ends_with(".ts") || uri.ends_with(".mp4");
      if (!media || !is_plain_uri(uri) || uri.find('/') != uri.npos) return;
      rendition.state.found(uri);
      there_[folder + uri] = object;
    });
  } catch (const Error& error) {
    if (error.id() != "archive.stopped") note_failure(error);  // then it is all sent
  }
}

void Mirror::scan_rendition(const std::string& folder, Rendition& rendition) {
  const std::string path = options_.directory + "/" + folder + rendition.playlist;
  const FileMark mark = mark_of(path);
  if (mark.inode == 0 || (mark == rendition.mark && rendition.settled)) return;
  const bool settled = mark.is_settled();
  const auto text = read_playlist(path);
  if (!text) return;
  rendition.mark = mark;
  rendition.settled = settled;
  if (rendition.state.read(*text)) {
    rendition.complaint.clear();
  } else if (rendition.complaint != rendition.state.error()) {
    rendition.complaint = rendition.state.error();
    log::warning(path + " can't be mirrored: " + escaped(rendition.complaint));
  }
}

// What goes next.

void Mirror::dispatch() {
  const Nanoseconds now = monotonic_now();
  if (now < hold_until_) return;
  // While the store fails one request at a time finds out whether it does so still.
  const size_t most = failures_in_a_row_ > 0 ? 1 : options_.parallel;
  Job job;
  while (under_way_ < most && next_job(job)) {
    ++under_way_;
    jobs_.push(std::move(job));
    job = Job();
  }
}

// Playlists first, for what they need is there; then a file of each rendition in turn.
bool Mirror::next_job(Job& job) {
  const Nanoseconds now = monotonic_now();
  bool all_live = !renditions_.empty();
  for (auto& [folder, rendition] : renditions_) {
    all_live = all_live && rendition.state.is_live();
    if (now < rendition.next_put) continue;
    if (auto text = rendition.state.next_playlist()) {
      rendition.next_put = now + options_.pace;
      job.kind = Kind::kPlaylist;
      job.folder = folder;
      job.uri = rendition.playlist;
      job.text = std::move(*text);
      job.ended = rendition.state.will_end();
      job.changed = rendition.mark.changed;
      return true;
    }
  }
  if (all_live && master_put_ != master_ && !master_under_way_) {
    master_under_way_ = true;
    job.kind = Kind::kMaster;
    job.uri = kMaster;
    job.text = master_;
    job.changed = master_mark_.changed;
    return true;
  }
  auto at = renditions_.upper_bound(turn_);
  for (size_t i = 0; i < renditions_.size(); ++i, ++at) {
    if (at == renditions_.end()) at = renditions_.begin();
    if (auto uri = at->second.state.next_file()) {
      turn_ = at->first;
      job.folder = at->first;
      job.uri = std::move(*uri);
      if (const auto known = there_.find(job.folder + job.uri); known != there_.end()) {
        job.there = known->second;
        there_.erase(known);
      }
      return true;
    }
  }
  return false;
}

// What came of it.

void Mirror::collect() {
  std::vector<Result> results;
  {
    const std::lock_guard lock(mutex_);
    results.swap(results_);
  }
  for (Result& result : results) {
    --under_way_;
    if (result.error && result.error->id() == "archive.stopped") continue;
    if (result.outcome == Result::Outcome::kFailed)
      note_failure(*result.error);
    else
      note_success();
    settle(result);
  }
}

void Mirror::settle(Result& result) {
  const Job& job = result.job;
  const bool done = result.outcome == Result::Outcome::kDone;
  {
    const std::lock_guard lock(mutex_);
    if (done && job.kind == Kind::kRemoval) status_.removed += job.keys.size();
    if (done && job.kind != Kind::kRemoval && result.visible != WallTime()) {
      ++status_.objects;
      status_.bytes += result.bytes;
      Lag& lag = job.kind == Kind::kFile ? status_.segments : status_.playlists;
      if (result.changed >= began_)
        lag.add(std::max(Nanoseconds{}, Nanoseconds(result.visible - result.changed)));
    }
  }
  if (job.kind == Kind::kMaster) {
    master_under_way_ = false;
    if (!done) return;
    master_put_ = job.text;
    if (!was_live_ && events_.live) events_.live();
    was_live_ = true;
    const std::lock_guard lock(mutex_);
    status_.live = true;
    return;
  }
  Rendition& rendition = renditions_[job.folder];
  if (job.kind == Kind::kPlaylist) {
    rendition.state.published(done);
    if (done && !options_.keep) remove_old(job.folder, rendition);
  } else if (job.kind == Kind::kFile) {
    if (done)
      rendition.state.sent(job.uri);
    else if (result.outcome == Result::Outcome::kAbsent)
      rendition.state.absent(job.uri);
    else
      rendition.state.failed(job.uri);
  } else if (!done) {
    const size_t skip = options_.prefix.size() + job.folder.size();
    for (const std::string& key : job.keys) rendition.state.found(key.substr(skip));
  }
}

// Objects go when their files have gone and no playlist in the store lists them.
void Mirror::remove_old(const std::string& folder, Rendition& rendition) {
  const std::string beneath = options_.directory + "/" + folder;
  const auto gone = rendition.state.take_removable(
      [&](const std::string& uri) { return ::access((beneath + uri).c_str(), F_OK) == 0; });
  if (gone.empty()) return;
  Job job;
  job.kind = Kind::kRemoval;
  job.folder = folder;
  for (const std::string& uri : gone) {
    there_.erase(folder + uri);
    job.keys.push_back(options_.prefix + folder + uri);
  }
  ++under_way_;
  jobs_.push(std::move(job));
}

void Mirror::note_failure(const Error& error) {
  bool ever = false, first = false;
  {
    const std::lock_guard lock(mutex_);
    ++status_.failures;
    ever = status_.objects > 0;
    first = status_.failing.empty();
    status_.failing = error.what();
  }
  if (error.code() == Exit::kRefused && !ever) throw Error(error);
  if (failures_in_a_row_++ == 0) failing_since_ = monotonic_now();
  if (options_.patience.count() > 0 && monotonic_now() - failing_since_ > options_.patience)
    throw Error(error);
  hold_until_ = monotonic_now() + backoff(failures_in_a_row_);
  if (first && events_.failing) events_.failing(error.what());
}

void Mirror::note_success() {
  if (failures_in_a_row_ == 0) return;
  failures_in_a_row_ = 0;
  hold_until_ = {};
  {
    const std::lock_guard lock(mutex_);
    status_.failing.clear();
  }
  if (events_.recovered) events_.recovered(monotonic_now() - failing_since_);
}

void Mirror::tell_lag() {
  const Nanoseconds now = monotonic_now();
  if (now < next_lag_ || !was_live_) return;
  next_lag_ = now + kLagEvery;
  if (events_.lag) events_.lag(status());
}

}  // namespace stream::archive
