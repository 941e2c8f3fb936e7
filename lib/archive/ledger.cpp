#include "archive/ledger.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "archive/hash.h"
#include "archive/upload_run.h"
#include "base/log.h"
#include "os/atomic_file.h"

namespace stream::archive {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr char kLedgerSchema[] = "stream.ledger/1";
constexpr size_t kMaxLedger = 64 << 20;

void add_playlists(const fs::path& directory, std::set<std::string>& out) {
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == ".m3u8") out.insert(at->path());
}

}  // namespace

std::string mark_of_file(const std::string& path) {
  struct stat st {};
  return ::stat(path.c_str(), &st) == 0 ? identity_of(st) : std::string();
}

std::string mark_of_output(const std::string& directory) {
  std::set<std::string> playlists;
  add_playlists(directory, playlists);
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    if (std::error_code unknown; at->is_directory(unknown)) add_playlists(at->path(), playlists);
  std::string all;
  for (const std::string& path : playlists) all += path + "=" + mark_of_file(path) + "\n";
  return all.empty() ? all : sha256_of(all);
}

Ledger::Ledger(std::string path) : path_(std::move(path)) {
  if (::access(path_.c_str(), F_OK) != 0) return;
  const Json json = Json::parse(os::read_file(path_, kMaxLedger), nullptr, false);
  if (!json.is_object() || json.value("schema", Json()) != kLedgerSchema ||
      !json.value("arrived", Json()).is_object()) {
    log::warning(path_ + " is damaged: what it was about is compared with the store again");
    return;
  }
  for (const auto& [thing, mark] : json["arrived"].items())
    if (mark.is_string() && ::access(thing.c_str(), F_OK) == 0) marks_[thing] = mark;
}

bool Ledger::has(const std::string& thing, const std::string& mark) const {
  const std::lock_guard lock(mutex_);
  const auto at = marks_.find(thing);
  return at != marks_.end() && at->second == mark;
}

void Ledger::add(const std::string& thing, const std::string& mark) {
  const std::lock_guard lock(mutex_);
  marks_[thing] = mark;
  save();
}

void Ledger::save() const {
  const Json json = {{"schema", kLedgerSchema}, {"arrived", marks_}};
  os::write_file(path_, json.dump(-1, ' ', false, Json::error_handler_t::replace), os::Sync::kYes,
                 0600);
}

}  // namespace stream::archive
