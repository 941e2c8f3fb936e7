#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/error.h"
#include "base/text.h"
#include "manifest/store.h"
#include "os/atomic_file.h"
#include "os/fd.h"

namespace stream::manifest {

namespace {

constexpr char kSuffix[] = ".json";
constexpr size_t kMaxBytes = 16 << 20;

bool is_key(const std::string& key) {
  bool part_begins = true;
  for (const char c : key) {
    if (c == '/' && part_begins) return false;
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
    if (!word && c != '/' && (c != '.' || part_begins)) return false;
    part_begins = c == '/';
  }
  return !part_begins && key.size() <= 512;
}

}  // namespace

std::string FileStore::path(const std::string& key) const {
  if (!is_key(key)) {
    throw Error(Exit::kUsage, "manifest.key",
                "\"" + escaped(key) + "\" can't be the name of a manifest",
                "use letters, digits, '.', '_' and '-'");
  }
  return directory_ + "/" + key + kSuffix;
}

std::optional<Json> FileStore::load(const std::string& key) {
  const std::string file = path(key);
  if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT) return std::nullopt;
  const std::string text = os::read_file(file, kMaxBytes);
  Json document = Json::parse(text, nullptr, false);
  if (document.is_discarded()) {
    throw Error(Exit::kConfig, "manifest.invalid", file + " is not valid JSON",
                "restore it, or move it out of the way");
  }
  return document;
}

void FileStore::save(const std::string& key, const Json& document, bool durable) {
  const std::string file = path(key);
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(file).parent_path(), error);
  os::write_file(file, document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n",
                 durable ? os::Sync::kYes : os::Sync::kNo);
}

void FileStore::remove(const std::string& key) {
  const std::string file = path(key);
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) throw_errno("remove", file, errno);
}

std::vector<std::string> FileStore::list(const std::string& prefix) {
  std::vector<std::string> keys;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory_ + "/" + prefix, error), end;
       !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.ends_with(kSuffix)) continue;
    const std::string key = prefix + name.substr(0, name.size() - sizeof kSuffix + 1);
    if (is_key(key)) keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::vector<std::string> FileStore::folders() {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory_, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (is_key(name) && at->is_directory(error)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace stream::manifest
