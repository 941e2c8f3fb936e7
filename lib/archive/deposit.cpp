#include "archive/deposit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "archive/hash.h"
#include "archive/verify.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "manifest/recording.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/fd.h"
#include "os/file_lock.h"

namespace stream::archive {

namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxManifest = 64 << 20;

struct stat examine(const std::string& path) {
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) throw_errno("examine", path, errno);
  return st;
}

WallTime from_ms(int64_t ms) {
  return WallTime(std::chrono::milliseconds(ms));
}

Json to_json(const Deposit& d, const std::string& store) {
  Json files = Json::array();
  for (const DepositFile& file : d.files)
    files.push_back({{"local", file.local}, {"name", file.name}});
  return {{"schema", "stream.deposit/1"},
          {"store", store},
          {"recording", d.id},
          {"stream", d.stream},
          {"files", files},
          {"manifest_path", d.manifest_path},
          {"manifest", d.manifest},
          {"started_ms", unix_ms(d.started)},
          {"ended_ms", d.ended ? Json(unix_ms(*d.ended)) : Json(nullptr)},
          {"duration_seconds", d.duration},
          {"spool", d.is_spool},
          {"delete_after", d.delete_after},
          {"rights", manifest::to_json(d.rights)}};
}

std::optional<Deposit> from_json(const Json& json, const std::string& store) {
  try {
    if (!json.is_object() || json.at("store") != store) return std::nullopt;
    Deposit d;
    d.id = json.at("recording");
    d.stream = json.at("stream");
    for (const Json& file : json.at("files"))
      d.files.push_back({file.at("local"), file.at("name")});
    d.manifest_path = json.at("manifest_path");
    d.manifest = json.at("manifest");
    d.started = from_ms(json.at("started_ms"));
    if (!json.at("ended_ms").is_null()) d.ended = from_ms(json.at("ended_ms"));
    d.duration = json.at("duration_seconds");
    d.is_spool = json.at("spool");
    d.delete_after = json.at("delete_after");
    d.rights = manifest::rights_from_json(json.at("rights"));
    return d;
  } catch (const Json::exception&) {
    return std::nullopt;  // cut off or of another version
  } catch (const Error& error) {
    log::warning(error.what());
    return std::nullopt;
  }
}

}  // namespace

std::string recording_id_of(const std::string& name) {
  std::string id = fs::path(name).stem();
  for (char& c : id)
    if (!is_recording_id(std::string("a") + c)) c = '_';
  if (!is_recording_id(id)) id = "_" + id.substr(0, 190);
  return id;
}

std::string content_type_of(const std::string& name) {
  static const std::pair<const char*, const char*> kTypes[] = {
      {".mp4", "video/mp4"},         {".m4s", "video/iso.segment"},
      {".m4a", "audio/mp4"},         {".ts", "video/mp2t"},
      {".mkv", "video/x-matroska"},  {".webm", "video/webm"},
      {".jpg", "image/jpeg"},        {".vtt", "text/vtt"},
      {".json", "application/json"}, {".m3u8", "application/vnd.apple.mpegurl"},
      {".aac", "audio/aac"},         {".mpd", "application/dash+xml"}};
  for (const auto& [ending, type] : kTypes)
    if (name.ends_with(ending)) return type;
  return "application/octet-stream";
}

bool is_manifest(const std::string& path) {
  if (!path.ends_with(".json") || ::access(path.c_str(), R_OK) != 0) return false;
  const Json json = Json::parse(os::read_file(path, kMaxManifest), nullptr, false);
  return json.is_object() && json.value("schema", Json()) == "stream.recording/1";
}

Deposit deposit_of_file(const std::string& path, const std::string& stream,
                        const std::string& name) {
  const struct stat st = examine(path);
  if (!S_ISREG(st.st_mode)) {
    throw Error(Exit::kUsage, "archive.file", path + " is not a file",
                "pipe it in: stream-archive put --stdin");
  }
  Deposit d;
  d.stream = stream;
  const std::string called = name.empty() ? fs::path(path).filename().string() : name;
  d.id = recording_id_of(called);
  d.files.push_back({fs::absolute(path).lexically_normal(), called});
  d.started = from_ms(int64_t{st.st_mtim.tv_sec} * 1000 + st.st_mtim.tv_nsec / 1'000'000);
  return d;
}

Deposit deposit_of_manifest(const std::string& path, const std::string& stream) {
  const Json json = Json::parse(os::read_file(path, kMaxManifest), nullptr, false);
  const manifest::Recording recording = manifest::recording_from_json(json);
  if (!recording.ended) {
    throw Error(Exit::kNotAllowed, "archive.open", path + ": the recording still goes on",
                "put it when it has ended; after a crash, stream-record repair ends it");
  }
  Deposit d;
  d.id = recording.id;
  d.stream = stream.empty() ? recording.stream : stream;
  d.manifest_path = fs::absolute(path).lexically_normal();
  d.manifest = json;
  d.started = recording.started;
  d.ended = recording.ended;
  const fs::path folder = fs::path(d.manifest_path).parent_path();
  const auto add = [&](const std::string& name) {
    if (!name.empty()) d.files.push_back({folder / name, name});
  };
  for (const manifest::RecordingFile& file : recording.files) {
    d.duration += std::chrono::duration<double>(file.duration).count();
    add(file.path);
    if (!file.thumbnails) continue;
    add(file.thumbnails->poster);
    add(file.thumbnails->vtt);
    for (const std::string& sprite : file.thumbnails->sprites) add(sprite);
  }
  return d;
}

Archiver::Archiver(OpenStore& store, Catalog& catalog, UploadSettings settings, std::string state,
                   Events events)
    : store_(store),
      catalog_(catalog),
      uploader_(*store.store, settings),
      queue_(std::move(state) + "/queue"),
      events_(std::move(events)) {
  os::make_dirs(queue_);
}

std::string Archiver::job_path(const Deposit& d) const {
  return queue_ + "/" +
         sha256_of(store_.endpoint + catalog_.key_of(d.stream, d.id) + store_.location.text())
             .substr(0, 24);
}

std::string Archiver::new_spool(const std::string& name) const {
  return queue_ + "/" + sha256_of(name + std::to_string(unix_ms(wall_now()))).substr(0, 24) +
         ".spool";
}

std::string Archiver::object_key(const Deposit& d, const DepositFile& file) const {
  return store_.key((d.stream.empty() ? "" : d.stream + "/") + "recording/" + file.name);
}

Receipt Archiver::put_file(const Deposit& d, const DepositFile& file, const CatalogEntry& before,
                           const Uploader::Growth& growth) {
  struct Made {
    const DepositFile& file;
    ~Made() {
      if (file.make) ::unlink(file.local.c_str());
    }
  } made{file};
  if (file.make) file.make();
  UploadJob job;
  job.path = file.local;
  job.key = object_key(d, file);
  job.options.content_type = content_type_of(file.name);
  job.options.metadata = file.metadata;
  job.journal = job_path(d) + "-" + sha256_of(file.name).substr(0, 12) + ".upload";
  // What the catalogue knows with this checksum is there: nothing is sent.
  for (const CatalogFile& known : before.files) {
    if (known.receipt.key != job.key) continue;
    const auto size = static_cast<uint64_t>(examine(file.local).st_size);
    const os::Fd fd(::open(file.local.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) throw_errno("open", file.local, errno);
    if (size == known.receipt.size &&
        sha256_of(source_of(fd.get(), 0, size)) == known.receipt.sha256) {
      Receipt receipt = known.receipt;
      receipt.was_there = true;
      if (events_.done) events_.done(static_cast<int64_t>(size));
      return receipt;
    }
  }
  uint64_t told = 0, told_size = growth ? 0 : static_cast<uint64_t>(examine(file.local).st_size);
  std::mutex mutex;
  Receipt receipt = uploader_.upload(
      job,
      [&](uint64_t done, uint64_t size) {
        const std::lock_guard lock(mutex);
        if (events_.total) events_.total(static_cast<int64_t>(size - told_size));
        if (events_.done) events_.done(static_cast<int64_t>(done - told));
        told = done;
        told_size = size;
      },
      growth);
  receipt.messages = store_.store->messages(job.key);
  if (events_.stored) events_.stored(file.local, receipt);
  return receipt;
}

// Reads back all that was not read back before. Throws Error "archive.damaged".
bool Archiver::verify(CatalogEntry& entry) {
  for (CatalogFile& file : entry.files) {
    if (const auto damage = find_damage(*store_.store, file.receipt)) {
      throw Error(Exit::kInputDamaged, "archive.damaged",
                  store_.store->url(file.receipt.key) + ": " + *damage,
                  "the local copy is kept; delete the object and put it again");
    }
    file.verified = wall_now();
    if (events_.verified) events_.verified(file.path, file.receipt);
  }
  return true;
}

// What a killed run was just writing: who holds the job's lock is the only one that writes there.
void Archiver::remove_half_written(const std::string& job) const {
  const std::string begin = fs::path(job).filename();
  std::error_code error;
  for (fs::directory_iterator at(queue_, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    if (name.starts_with(begin) && name.find(".tmp") != name.npos) ::unlink(at->path().c_str());
  }
}

Archiver::Outcome Archiver::deposit(const Deposit& d, const Uploader::Growth& growth) {
  if (!is_recording_id(d.id)) {
    throw Error(Exit::kConfig, "manifest.invalid",
                "\"" + escaped(d.id) + "\" can't be a recording");
  }
  const std::string job = job_path(d);
  const os::FileLock lock(job + ".lock", d.id + " on its way to " + store_.location.text());
  remove_half_written(job);
  os::write_file(job + ".job", to_json(d, store_.endpoint + store_.location.text()).dump(),
                 os::Sync::kYes, 0600);
  if (!growth && events_.total) {
    for (const DepositFile& file : d.files)
      events_.total(static_cast<int64_t>(examine(file.local).st_size));
  }
  Outcome outcome;
  CatalogEntry& entry = outcome.entry;
  const auto before = catalog_.load(catalog_.key_of(d.stream, d.id));
  if (before) entry = *before;
  entry.files.clear();
  outcome.was_there = true;
  const std::vector<DepositFile> files = cutter_ ? cutter_(d, job + ".cut") : d.files;
  for (const DepositFile& file : files) {
    CatalogFile stored{file.name, put_file(d, file, before.value_or(CatalogEntry{}), growth), {}};
    outcome.was_there = outcome.was_there && stored.receipt.was_there;
    outcome.sent_bytes += stored.receipt.sent_bytes;
    entry.files.push_back(std::move(stored));
  }
  entry.id = d.id;
  entry.stream = d.stream;
  entry.manifest = d.manifest;
  entry.started = d.started;
  entry.ended = d.ended;
  entry.duration = d.duration;
  if (!before) {
    entry.archived = wall_now();
    entry.rights = d.rights;
  }
  if (d.delete_after || d.is_spool) outcome.verified = verify(entry);
  {
    const std::lock_guard guard(catalog_mutex_);
    if (!before) {
      if (sequence_ == 0) sequence_ = catalog_.next_sequence(std::chrono::hours(1));
      entry.sequence = sequence_++;
    }
    catalog_.save(entry);
  }
  if (outcome.verified) {
    for (const DepositFile& file : d.files) {
      if (::unlink(file.local.c_str()) != 0 && errno != ENOENT)
        throw_errno("remove", file.local, errno);
      if (events_.deleted && !d.is_spool) events_.deleted(file.local);
    }
    if (!d.manifest_path.empty()) ::unlink(d.manifest_path.c_str());
    outcome.deleted = !d.is_spool;
  }
  ::unlink((job + ".job").c_str());
  ::unlink((job + ".lock").c_str());
  return outcome;
}

std::vector<Deposit> Archiver::pending() const {
  std::vector<Deposit> out;
  for (const auto& file : fs::directory_iterator(queue_)) {
    if (file.path().extension() != ".job") continue;
    const Json json = Json::parse(os::read_file(file.path(), kMaxManifest), nullptr, false);
    if (auto deposit = from_json(json, store_.endpoint + store_.location.text()))
      out.push_back(std::move(*deposit));
  }
  std::sort(out.begin(), out.end(),
            [](const Deposit& a, const Deposit& b) { return a.started < b.started; });
  return out;
}

}  // namespace stream::archive
