#include "vault/vault.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "crypto/encoding.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/fd.h"
#include "os/file_lock.h"
#include "os/private_file.h"

namespace stream::vault {
namespace {

// Twenty writers at once, each with a save of some milliseconds, on a slow disk.
constexpr std::chrono::seconds kLockPatience{60};

uint64_t now_ms() {
  return static_cast<uint64_t>(unix_ms(wall_now()));
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

std::vector<uint8_t> read_bytes(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT)
    throw Error(Exit::kConfig, "vault.absent", "there is no vault at " + path,
                "make one: stream-keys vault init (another place: STREAM_VAULT=PATH)");
  const os::Fd fd = os::open_private(path);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) throw_errno("examine", path, errno);
  std::vector<uint8_t> bytes(std::min<size_t>(static_cast<size_t>(st.st_size), kMaxFile + 1));
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n = ::read(fd.get(), bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read", path, errno);
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  bytes.resize(size);
  return bytes;
}

[[noreturn]] void throw_fault(const std::string& path, Fault fault) {
  switch (fault) {
    case Fault::kNotVault:
      throw Error(Exit::kConfig, "vault.damaged", path + " is not a vault",
                  "name the right file, or look at " + path + ".previous");
    case Fault::kVersion:
      throw Error(Exit::kUnsupported, "vault.version",
                  path + " is of a version that this program does not know",
                  "use the newer stream-tools that wrote it");
    case Fault::kCost:
      throw Error(Exit::kConfig, "vault.cost",
                  path + " demands more work for its passphrase than is allowed",
                  "nothing that stream-keys wrote asks for it: restore " + path + ".previous");
    default:
      throw Error(Exit::kConfig, "vault.damaged", path + " is damaged",
                  "restore " + path + ".previous or a copy (stream-keys vault export)");
  }
}

File parse_or_throw(const std::string& path, Bytes bytes) {
  Parsed parsed = parse(bytes);
  if (parsed.fault != Fault::kNone) throw_fault(path, parsed.fault);
  return std::move(parsed.file);
}

// What a killed writer left; under the lock nobody else writes here.
void remove_stale(const std::string& path) {
  const std::string dir = directory_of(path);
  const std::string prefix = path.substr(path.rfind('/') + 1) + ".tmp";
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(opendir(dir.c_str()), closedir);
  while (listing) {
    const dirent* entry = readdir(listing.get());
    if (!entry) break;
    const std::string name = entry->d_name;
    if (name.starts_with(prefix)) ::unlink((dir + "/" + name).c_str());
  }
}

// A second name for the present generation, put in place by a rename so that there always is one.
void keep(const std::string& path) {
  const std::string previous = path + ".previous", aside = path + ".tmp-previous";
  ::unlink(aside.c_str());
  if (::link(path.c_str(), aside.c_str()) == 0) ::rename(aside.c_str(), previous.c_str());
}

std::string mark_of(const std::string& path, const std::string& name) {
  return path + ".used/" + name;
}

std::vector<Listed> listed(const File& file) {
  std::vector<Listed> out;
  for (const Entry& e : file.entries)
    out.push_back({e.name, e.kind, e.created, e.updated, e.expires});
  return out;
}

}  // namespace

std::string default_path() {
  const char* path = std::getenv("STREAM_VAULT");
  return path && *path ? path : os::state_dir() + "/vault";
}

void check_entry_name(std::string_view name) {
  if (!is_entry_name(name))
    throw Error(Exit::kUsage, "vault.name",
                "'" + escaped(name, 80) + "' is not a name for a vault entry",
                "use a-z, 0-9, '.', '_' and '-', starting with a letter or digit, at most 127");
}

std::vector<Listed> list(const std::string& path) {
  return listed(parse_or_throw(path, read_bytes(path)));
}

Header read_header(const std::string& path) {
  return parse_or_throw(path, read_bytes(path)).header;
}

std::optional<int64_t> last_used(const std::string& path, const std::string& name) {
  struct stat st {};
  if (::lstat(mark_of(path, name).c_str(), &st) != 0) return std::nullopt;
  return int64_t{st.st_mtim.tv_sec} * 1000;
}

void mark_used(const std::string& path, const std::string& name) {
  ::mkdir((path + ".used").c_str(), 0700);
  const os::Fd fd(::open(mark_of(path, name).c_str(),
                         O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (fd) ::futimens(fd.get(), nullptr);
}

Vault Vault::create(const std::string& path, const Header& header, Unlock unlock) {
  os::make_dirs(directory_of(path));
  const os::FileLock lock(path + ".lock", path, kLockPatience);
  if (::access(path.c_str(), F_OK) == 0)
    throw Error(Exit::kNotAllowed, "vault.exists", path + " exists already",
                "use it as it is, or change its key: stream-keys vault rekey");
  Vault vault(Empty{}, path, std::move(unlock));
  vault.file_.header = header;
  vault.keys_.emplace(header, vault.unlock_(header, path).view());
  vault.save(false);
  return vault;
}

Vault::Vault(std::string path, Unlock unlock) : path_(std::move(path)), unlock_(std::move(unlock)) {
  read();
}

void Vault::read() {
  const std::vector<uint8_t> bytes = read_bytes(path_);
  File file = parse_or_throw(path_, bytes);
  if (!keys_ || !(file.header == file_.header))
    keys_.emplace(file.header, unlock_(file.header, path_).view());
  if (!keys_->match(file)) {
    keys_.reset();
    const bool typed = file.header.source == KeySource::kPassphrase;
    throw Error(
        Exit::kNotAllowed, "vault.key",
        std::string(typed ? "the passphrase" : "the key") + " does not open " + path_,
        typed ? "type it again, or check STREAM_VAULT_KEY_FILE" : "check STREAM_VAULT_KEY_FILE");
  }
  if (!keys_->intact(bytes)) throw_fault(path_, Fault::kDamaged);
  file_ = std::move(file);
}

void Vault::reload() {
  read();
}

void Vault::save(bool keep_previous) {
  ++file_.generation;
  const std::vector<uint8_t> bytes = keys_->write(file_);
  remove_stale(path_);
  if (keep_previous) keep(path_);
  os::write_file(path_, bytes, os::Sync::kYes, 0600);
  if (!keep_previous) ::unlink((path_ + ".previous").c_str());
}

void Vault::change(bool keep_previous, const std::function<bool()>& edit) {
  const os::FileLock lock(path_ + ".lock", path_, kLockPatience);
  read();
  if (edit()) save(keep_previous);
}

std::vector<Entry>::iterator Vault::at(const std::string& name) {
  return std::lower_bound(file_.entries.begin(), file_.entries.end(), name,
                          [](const Entry& e, const std::string& n) { return e.name < n; });
}

void Vault::set(const std::string& name, Kind kind, Bytes value, uint64_t created,
                uint64_t expires) {
  check_entry_name(name);
  if (value.size() > kMaxValue)
    throw Error(Exit::kUsage, "vault.large", "the value of '" + name + "' is over 64 KiB",
                "a vault holds secrets; keep files beside it");
  const uint64_t now = now_ms();
  Entry entry{name, kind, created ? created : now, now, expires, {}, {}};
  const auto place = at(name);
  const bool exists = place != file_.entries.end() && place->name == name;
  if (!exists && file_.entries.size() >= kMaxEntries)
    throw Error(Exit::kNotAllowed, "vault.full", path_ + " holds 10000 entries already",
                "remove what is unused: stream-keys vault rm NAME");
  if (exists && !created) entry.created = place->created;
  keys_->close(entry, value);
  if (exists)
    *place = std::move(entry);
  else
    file_.entries.insert(place, std::move(entry));
}

std::vector<Listed> Vault::list() const {
  return listed(file_);
}

std::optional<Secret> Vault::find(const std::string& name) const {
  const auto place = const_cast<Vault*>(this)->at(name);
  if (place == file_.entries.end() || place->name != name) return std::nullopt;
  const auto value = keys_->open(*place);
  if (!value) throw_fault(path_, Fault::kDamaged);
  return Secret(std::string(value->text()));
}

Secret Vault::get(const std::string& name) const {
  check_entry_name(name);
  if (auto value = find(name)) return *std::move(value);
  std::vector<std::string> names;
  for (const Entry& entry : file_.entries) names.push_back(entry.name);
  const auto near = nearest(name, names);
  throw Error(Exit::kNo, "vault.entry", "there is no entry '" + name + "' in " + path_,
              near ? "did you mean '" + *near + "'?"
                   : "list them: stream-keys vault list; add one: stream-keys vault put " + name);
}

void Vault::put(const std::string& name, Kind kind, const Secret& value, uint64_t expires) {
  check_entry_name(name);
  change(true, [&] {
    set(name, kind, crypto::bytes_of(value.reveal()), 0, expires);
    return true;
  });
}

bool Vault::add(const std::string& name, Kind kind, const Secret& value, uint64_t expires) {
  check_entry_name(name);
  bool absent = false;
  change(true, [&] {
    const auto place = at(name);
    absent = place == file_.entries.end() || place->name != name;
    if (absent) set(name, kind, crypto::bytes_of(value.reveal()), 0, expires);
    return absent;
  });
  return absent;
}

void Vault::put_all(const std::vector<std::pair<Listed, Secret>>& entries) {
  change(true, [&] {
    for (const auto& [entry, value] : entries)
      set(entry.name, entry.kind, crypto::bytes_of(value.reveal()), entry.created, entry.expires);
    return true;
  });
}

bool Vault::remove(const std::string& name) {
  check_entry_name(name);
  bool found = false;
  // The previous generation goes as well: removed means removed.
  change(false, [&] {
    const auto place = at(name);
    found = place != file_.entries.end() && place->name == name;
    if (found) file_.entries.erase(place);
    return found;
  });
  ::unlink(mark_of(path_, name).c_str());
  return found;
}

void Vault::rekey(const Header& header, Unlock unlock) {
  // Deriving a key takes long: before the lock.
  const crypto::LockedBytes root = unlock(header, path_);
  change(false, [&] {
    Keys fresh(header, root.view());
    for (Entry& entry : file_.entries) {
      const auto value = keys_->open(entry);
      if (!value) throw_fault(path_, Fault::kDamaged);
      entry.nonce = {};
      fresh.close(entry, value->view());
    }
    file_.header = header;
    keys_.emplace(std::move(fresh));
    return true;
  });
  unlock_ = std::move(unlock);
}

}  // namespace stream::vault
