// prune --local: recordings on this machine that are safe in the store.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "archive/deposit.h"
#include "archive/hash.h"
#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "os/fd.h"
#include "os/file_lock.h"
#include "os/free_space.h"
#include "prune.h"

namespace stream::archive {
namespace {

namespace fs = std::filesystem;

struct Local {
  Deposit deposit;
  std::string key;  // of its entry in the catalogue
  uint64_t bytes = 0;
  const CatalogRow* row = nullptr;
};

uint64_t bytes_of(const Deposit& d) {
  uint64_t bytes = 0;
  std::error_code error;
  for (const DepositFile& file : d.files) {
    const uint64_t size = fs::file_size(file.local, error);
    if (!error) bytes += size;
  }
  return bytes;
}

// The manifests beneath `directory`; links are not followed.
std::vector<Local> find_local(const std::string& directory) {
  std::vector<Local> out;
  std::error_code error;
  fs::recursive_directory_iterator at(directory, error);
  if (error) throw_errno("read", directory, error.value());
  for (; at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (error) throw_errno("read", directory, error.value());
    const std::string path = at->path();
    if (at->is_symlink(error) || !at->is_regular_file(error)) continue;
    try {
      if (!is_manifest(path)) continue;
      Local local;
      local.deposit = deposit_of_manifest(path, {});
      local.bytes = bytes_of(local.deposit);
      out.push_back(std::move(local));
    } catch (const Error& failure) {
      // It goes on, or is damaged: it stays, and what it occupies is seen as not free.
      log::debug(path + " stays: " + failure.what());
    }
  }
  return out;
}

const CatalogFile* find_file(const CatalogEntry& entry, const std::string& name) {
  for (const CatalogFile& file : entry.files)
    if (file.path == name) return &file;
  return nullptr;
}

// Why the files here are not to be deleted; empty: all of them are in the store as they are here.
std::string why_kept(const Deposit& d, const CatalogEntry& entry, Store& store) {
  for (const DepositFile& file : d.files) {
    const os::Fd fd(::open(file.local.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!fd && errno == ENOENT) continue;
    struct stat st {};
    if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode))
      return file.name + " can't be read";
    const CatalogFile* known = find_file(entry, file.name);
    if (!known) return file.name + " is not in the catalogue";
    if (!known->verified) return file.name + " was never read back from the store";
    const auto size = static_cast<uint64_t>(st.st_size);
    if (size != known->receipt.size) return file.name + " has another size than what was archived";
    const auto there = store.head(known->receipt.key);
    if (!there || there->size != size) return file.name + " is not in the store any more";
    if (sha256_of(source_of(fd.get(), 0, size)) != known->receipt.sha256)
      return file.name + " has another SHA-256 than what was archived";
  }
  return {};
}

void remove_files(const Deposit& d, control::Service& service) {
  std::vector<std::string> paths;
  for (const DepositFile& file : d.files) paths.push_back(file.local);
  paths.push_back(d.manifest_path);  // last: until then another run finds what is left
  for (const std::string& path : paths) {
    if (::unlink(path.c_str()) != 0) {
      if (errno == ENOENT) continue;
      throw_errno("remove", path, errno);
    }
    service.emit("file.deleted", {{"path", path}});
  }
}

std::vector<Candidate> candidates_of(const std::vector<Local>& all) {
  std::vector<Candidate> out;
  for (const Local& local : all) {
    Candidate c;
    c.id = local.deposit.id;
    c.stream = local.deposit.stream;
    c.bytes = local.bytes;
    c.held = !local.row || local.row->flags.find('k') != std::string_view::npos;
    if (local.row) {
      c.sequence = local.row->sequence;
      c.archived = WallTime(std::chrono::milliseconds(local.row->archived_ms));
    } else {
      c.sequence = UINT64_MAX;  // the newest there is
    }
    out.push_back(std::move(c));
  }
  return out;
}

}  // namespace

Exit prune_local(const PruneOptions& o, const cli::Context& context, control::Service& service) {
  const Policy policy = read_policy(o.policy, "local");
  const std::shared_ptr<OpenStore> opened = o.open_for(service);
  OpenStore& store = *opened;
  const os::FileLock lock(state_dir() + "/prune.lock", "pruning");
  Catalog catalog(store, state_dir());
  catalog.refresh();
  const std::vector<CatalogRow> rows = catalog.rows(std::chrono::hours(1));
  check_clock(o, store, rows);
  std::map<std::string_view, const CatalogRow*> by_key;
  for (const CatalogRow& row : rows) by_key[row.key] = &row;
  std::vector<Local> all = find_local(o.local);
  for (Local& local : all) {
    local.key = catalog.key_of(local.deposit.stream, local.deposit.id);
    const auto at = by_key.find(local.key);
    if (at != by_key.end()) local.row = at->second;
  }
  Json gone = Json::array(), kept = Json::array();
  uint64_t freed = 0;
  for (const Verdict& v :
       choose_expired(candidates_of(all), policy, wall_now(), os::free_bytes(o.local))) {
    const Local& local = all[v.candidate];
    const auto entry = catalog.load(local.key);
    const std::string why = entry ? why_kept(local.deposit, *entry, *store.store)
                                  : "the catalogue does not know it any more";
    if (!why.empty()) {
      log::warning(local.deposit.manifest_path + " stays: " + why);
      kept.push_back({{"recording", local.deposit.id}, {"reason", why}});
      continue;
    }
    if (!o.dry_run) remove_files(local.deposit, service);
    freed += local.bytes;
    gone.push_back(
        {{"recording", local.deposit.id},
         {"stream", local.deposit.stream.empty() ? Json(nullptr) : Json(local.deposit.stream)},
         {"manifest", local.deposit.manifest_path},
         {"reason", v.reason},
         {"size_bytes", local.bytes}});
  }
  if (context.json()) {
    context.print_json({{"schema", "stream.archive.prune_local/1"},
                        {"dry_run", o.dry_run},
                        {"recordings", gone},
                        {"kept", kept},
                        {"freed_bytes", freed}});
  } else {
    print_gone(context, gone);
    context.confirm(std::string(o.dry_run ? "would delete " : "deleted ") +
                    std::to_string(gone.size()) + " recordings in " + o.local + ": " +
                    std::to_string(freed) + " bytes");
  }
  return Exit::kOk;
}

}  // namespace stream::archive
