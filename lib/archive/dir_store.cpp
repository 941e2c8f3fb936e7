#include "archive/dir_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "archive/hash.h"
#include "base/error.h"
#include "base/text.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "os/atomic_file.h"
#include "os/fd.h"

namespace stream::archive {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr char kOwn[] = ".stream";
constexpr size_t kPage = 100'000;  // each page walks the tree anew

void make_parent(const std::string& path) {
  std::error_code error;
  fs::create_directories(fs::path(path).parent_path(), error);
  if (error) throw_errno("create", fs::path(path).parent_path(), error.value());
}

os::Fd open_or_throw(const std::string& path, int flags) {
  os::Fd fd(::open(path.c_str(), flags | O_CLOEXEC, 0644));
  if (!fd) throw_errno("open", path, errno);
  return fd;
}

// Copies all of it to `offset` of the file and says its SHA-256.
std::string copy_in(const Source& source, int fd, uint64_t offset, const std::string& path) {
  return sha256_of(source, [&](std::string_view bytes) {
    for (size_t done = 0; done < bytes.size();) {
      const ssize_t n =
          ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw_errno("write", path, errno);
      done += static_cast<size_t>(n);
    }
    offset += bytes.size();
  });
}

void sync_folder(const std::string& path) {
  const os::Fd folder(::open(fs::path(path).parent_path().c_str(), O_RDONLY | O_CLOEXEC));
  if (folder) ::fsync(folder.get());
}

std::string fresh_id() {
  return crypto::hex(crypto::random_bytes(16));
}

WallTime time_of(const struct stat& st) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(
      std::chrono::seconds(st.st_mtim.tv_sec) + std::chrono::nanoseconds(st.st_mtim.tv_nsec)));
}

std::string weak_etag(const struct stat& st) {
  return std::to_string(st.st_size) + "-" + std::to_string(st.st_mtim.tv_sec) + "." +
         std::to_string(st.st_mtim.tv_nsec);
}

Json to_json(const PutOptions& options) {
  return {{"content_type", options.content_type},
          {"cache_control", options.cache_control},
          {"metadata", options.metadata}};
}

[[noreturn]] void unknown_upload(const std::string& key) {
  throw Error(Exit::kNo, "archive.upload", "the store knows nothing of the upload of " + key);
}

}  // namespace

DirStore::DirStore(std::string directory) : directory_(std::move(directory)) {
  while (directory_.size() > 1 && directory_.back() == '/') directory_.pop_back();
}

std::string DirStore::url(const std::string& key) const {
  return directory_ + "/" + key;
}

std::string DirStore::path(const std::string& key) const {
  check_key(key);
  if (key == kOwn || key.starts_with(std::string(kOwn) + "/")) {
    throw Error(Exit::kUsage, "archive.key",
                "\"" + escaped(key) + "\" can't be a key: the store keeps its own files there");
  }
  return directory_ + "/" + key;
}

std::string DirStore::about_path(const std::string& key) const {
  return directory_ + "/" + kOwn + "/about/" + key + ".json";
}

std::string DirStore::upload_path(const std::string& upload) const {
  const bool plain = upload.size() == 32 && crypto::from_hex(upload);
  if (!plain) unknown_upload(escaped(upload));
  return directory_ + "/" + kOwn + "/uploads/" + upload;
}

// The staged file becomes the object; what is said about it is there before.
std::string DirStore::place(const std::string& staged, const std::string& key,
                            const std::string& etag, const PutOptions& options) {
  const std::string target = path(key);
  make_parent(target);
  if (options.create_only && ::access(target.c_str(), F_OK) == 0) {
    throw Error(Exit::kNotAllowed, "archive.exists", target + " exists already");
  }
  struct stat st {};
  if (::stat(staged.c_str(), &st) != 0) throw_errno("examine", staged, errno);
  const auto name = [&] {
    if (!options.create_only) return ::rename(staged.c_str(), target.c_str());
    const int linked = ::link(staged.c_str(), target.c_str());
    return linked != 0 ? linked : ::unlink(staged.c_str());
  };
  int result = name();
  for (int i = 0; result != 0 && errno == ENOENT && i < 8; ++i) {  // another emptied the folder
    make_parent(target);
    result = name();
  }
  if (result != 0) {
    if (errno == EEXIST)
      throw Error(Exit::kNotAllowed, "archive.exists", target + " exists already");
    throw_errno("name", target, errno);
  }
  Json about = to_json(options);
  about["etag"] = etag;
  about["file"] = weak_etag(st);
  make_parent(about_path(key));
  os::write_file(about_path(key), about.dump(), os::Sync::kNo);
  sync_folder(target);
  return etag;
}

std::string DirStore::put(const std::string& key, const Source& source, const PutOptions& options) {
  const std::string target = path(key);
  if (options.create_only && ::access(target.c_str(), F_OK) == 0)
    throw Error(Exit::kNotAllowed, "archive.exists", target + " exists already");
  const std::string staged = directory_ + "/" + kOwn + "/staged/" + fresh_id();
  make_parent(staged);
  try {
    const os::Fd fd = open_or_throw(staged, O_WRONLY | O_CREAT | O_EXCL);
    const std::string etag = copy_in(source, fd.get(), 0, staged);
    if (::fsync(fd.get()) != 0) throw_errno("sync", staged, errno);
    return place(staged, key, etag, options);
  } catch (...) {
    ::unlink(staged.c_str());
    throw;
  }
}

std::string DirStore::begin_upload(const std::string& key, const PutOptions& options) {
  const std::string target = path(key);
  if (options.create_only && ::access(target.c_str(), F_OK) == 0)
    throw Error(Exit::kNotAllowed, "archive.exists", target + " exists already");
  const std::string id = fresh_id();
  const std::string folder = upload_path(id);
  make_parent(folder + "/key");
  os::write_file(folder + "/key", key, os::Sync::kNo);
  open_or_throw(folder + "/data", O_WRONLY | O_CREAT);
  return id;
}

Part DirStore::put_part(const std::string& key, const std::string& upload, Part part,
                        const Source& source) {
  const std::string folder = upload_path(upload);
  if (::access(folder.c_str(), F_OK) != 0) unknown_upload(key);
  const os::Fd fd = open_or_throw(folder + "/data", O_WRONLY);
  part.size = source.size;
  part.etag = copy_in(source, fd.get(), part.offset, folder + "/data");
  if (::fdatasync(fd.get()) != 0) throw_errno("sync", folder + "/data", errno);
  const Json record = {{"size", part.size}, {"etag", part.etag}};
  os::write_file(folder + "/" + std::to_string(part.number), record.dump(), os::Sync::kNo);
  return part;
}

std::optional<std::vector<Part>> DirStore::parts(const std::string& key,
                                                 const std::string& upload) {
  const std::string folder = upload_path(upload);
  if (::access(folder.c_str(), F_OK) != 0) unknown_upload(key);
  std::vector<Part> out;
  for (const auto& file : fs::directory_iterator(folder)) {
    const std::string name = file.path().filename();
    if (name.empty() || name.size() > 6 || name.find_first_not_of("0123456789") != name.npos)
      continue;
    const Json record = Json::parse(os::read_file(file.path(), 4096), nullptr, false);
    if (record.is_object())
      out.push_back({std::stoi(name), 0, record.value("size", uint64_t{0}),
                     record.value("etag", std::string())});
  }
  std::sort(out.begin(), out.end(),
            [](const Part& a, const Part& b) { return a.number < b.number; });
  return out;
}

std::string DirStore::finish_upload(const std::string& key, const std::string& upload,
                                    const std::vector<Part>& parts, const PutOptions& options) {
  const std::string folder = upload_path(upload);
  if (::access(folder.c_str(), F_OK) != 0) unknown_upload(key);
  uint64_t size = 0;
  std::string etags;
  for (const Part& part : parts) size += part.size, etags += part.etag;
  {
    const os::Fd fd = open_or_throw(folder + "/data", O_WRONLY);
    if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0 || ::fsync(fd.get()) != 0)
      throw_errno("finish", folder + "/data", errno);
  }
  const std::string etag =
      place(folder + "/data", key, sha256_of(etags) + "-" + std::to_string(parts.size()), options);
  abort_upload(key, upload);
  return etag;
}

void DirStore::abort_upload(const std::string&, const std::string& upload) {
  std::error_code error;
  fs::remove_all(upload_path(upload), error);
}

std::vector<Upload> DirStore::uploads(const std::string& prefix) {
  std::vector<Upload> out;
  std::error_code error;
  for (fs::directory_iterator at(directory_ + "/" + kOwn + "/uploads", error), end;
       !error && at != end; at.increment(error)) {
    struct stat st {};
    const std::string file = at->path().string() + "/key";
    if (::stat(file.c_str(), &st) != 0) continue;
    const std::string key = os::read_file(file, 4096);
    if (key.starts_with(prefix)) out.push_back({key, at->path().filename(), time_of(st)});
  }
  return out;
}

std::optional<Object> DirStore::head(const std::string& key) {
  struct stat st {};
  const std::string file = path(key);
  if (::stat(file.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return std::nullopt;
  Object object;
  object.key = key;
  object.size = static_cast<uint64_t>(st.st_size);
  object.etag = weak_etag(st);
  object.modified = time_of(st);
  const std::string about = about_path(key);
  if (::access(about.c_str(), F_OK) != 0) return object;
  const Json json = Json::parse(os::read_file(about, 1 << 20), nullptr, false);
  if (!json.is_object() || json.value("file", std::string()) != object.etag) return object;
  object.content_type = json.value("content_type", std::string());
  object.cache_control = json.value("cache_control", std::string());
  object.metadata = json.value("metadata", std::map<std::string, std::string>());
  return object;
}

void DirStore::get(const std::string& key, uint64_t offset, uint64_t size, const Sink& sink) {
  const std::string file = path(key);
  const os::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && (errno == ENOENT || errno == ENOTDIR))
    throw Error(Exit::kNo, "archive.absent", file + " is not there");
  if (!fd) throw_errno("open", file, errno);
  std::vector<char> buffer(256 << 10);
  while (size > 0) {
    const ssize_t n = ::pread(fd.get(), buffer.data(), std::min<uint64_t>(buffer.size(), size),
                              static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read", file, errno);
    if (n == 0 || !sink({buffer.data(), static_cast<size_t>(n)})) return;
    offset += static_cast<uint64_t>(n);
    size -= static_cast<uint64_t>(n);
  }
}

Page DirStore::list(const std::string& prefix, const std::string& after, bool by_folder) {
  // The folder that the prefix lies in; what is beneath it is sorted as keys are.
  const size_t slash = prefix.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : prefix.substr(0, slash + 1);
  std::vector<std::string> keys;
  Page page;
  std::error_code error;
  fs::recursive_directory_iterator at(directory_ + "/" + folder,
                                      fs::directory_options::skip_permission_denied, error);
  for (const fs::recursive_directory_iterator end; !error && at != end; at.increment(error)) {
    const std::string key = at->path().string().substr(directory_.size() + 1);
    std::error_code ignored;
    if (key == kOwn) {
      at.disable_recursion_pending();
    } else if (at->is_directory(ignored)) {
      const std::string as_prefix = key + "/";
      const bool within = as_prefix.starts_with(prefix);
      if (!within && !prefix.starts_with(as_prefix)) at.disable_recursion_pending();
      if (within && by_folder && as_prefix.size() > prefix.size()) {
        at.disable_recursion_pending();
        page.prefixes.push_back(as_prefix);
      }
    } else if (key.starts_with(prefix) && key > after) {
      keys.push_back(key);
    }
  }
  std::sort(page.prefixes.begin(), page.prefixes.end());
  const bool more = keys.size() > kPage;
  std::partial_sort(keys.begin(), keys.begin() + static_cast<long>(std::min(kPage, keys.size())),
                    keys.end());
  if (more) keys.resize(kPage);
  for (const std::string& key : keys) {
    struct stat st {};
    if (::stat((directory_ + "/" + key).c_str(), &st) != 0) continue;
    Object object;
    object.key = key;
    object.size = static_cast<uint64_t>(st.st_size);
    object.etag = weak_etag(st);
    object.modified = time_of(st);
    page.objects.push_back(std::move(object));
  }
  if (more) page.next = keys.back();
  return page;
}

void DirStore::remove(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const std::string file = path(key);
    if (::unlink(file.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR)
      throw_errno("remove", file, errno);
    ::unlink(about_path(key).c_str());
    // Folders that this empties go too, as they would in any other store.
    for (size_t slash = key.rfind('/'); slash != std::string::npos && slash > 0;
         slash = key.rfind('/', slash - 1)) {
      ::rmdir((directory_ + "/" + kOwn + "/about/" + key.substr(0, slash)).c_str());
      if (::rmdir((directory_ + "/" + key.substr(0, slash)).c_str()) != 0) break;
    }
  }
}

std::string DirStore::presign(const std::string&, const std::string& key, std::chrono::seconds) {
  throw Error(Exit::kUnsupported, "archive.unsupported",
              url(key) + ": a directory has no addresses that could be given away",
              "presign works with s3:// stores");
}

void DirStore::put_lifecycle(const std::string&) {
  throw Error(Exit::kUnsupported, "archive.unsupported",
              directory_ + ": a directory does nothing by itself", "run: stream-archive prune");
}

}  // namespace stream::archive
