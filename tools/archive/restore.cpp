#include "restore.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "archive/hash.h"
#include "base/error.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "os/fd.h"

namespace stream::archive {

void write_or_throw(int fd, std::string_view bytes, const std::string& path) {
  const Bytes data{reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  if (const int error = os::write_all(fd, data); error != 0) throw_errno("write", path, error);
}

namespace {

// Into PATH.part, from where an earlier run stopped; named PATH when its checksum is right.
uint64_t restore(Store& store, const CatalogFile& file, const std::string& path,
                 Progress& progress) {
  const Receipt& receipt = file.receipt;
  struct stat st {};
  if (::stat(path.c_str(), &st) == 0) {
    const os::Fd there(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (there && static_cast<uint64_t>(st.st_size) == receipt.size &&
        sha256_of(source_of(there.get(), 0, receipt.size)) == receipt.sha256) {
      progress.add_done(static_cast<int64_t>(receipt.size));
      return 0;
    }
    throw Error(Exit::kNotAllowed, "archive.exists", path + " exists already and is another file",
                "nothing is overwritten: choose another directory with -o");
  }
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  const std::string partial = path + ".part";
  const os::Fd out(::open(partial.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!out) throw_errno("create", partial, errno);
  if (::fstat(out.get(), &st) != 0) throw_errno("examine", partial, errno);
  uint64_t have = static_cast<uint64_t>(st.st_size);
  crypto::Sha256 hash;
  if (have > receipt.size) {
    have = 0;
    if (::ftruncate(out.get(), 0) != 0) throw_errno("cut", partial, errno);
  }
  sha256_of(source_of(out.get(), 0, have),
            [&](std::string_view bytes) { hash.add(crypto::bytes_of(bytes)); });
  ::lseek(out.get(), static_cast<off_t>(have), SEEK_SET);
  progress.add_done(static_cast<int64_t>(have));
  store.get(receipt.key, have, receipt.size - have, [&](std::string_view bytes) {
    hash.add(crypto::bytes_of(bytes));
    write_or_throw(out.get(), bytes, partial);
    progress.add_done(static_cast<int64_t>(bytes.size()));
    return true;
  });
  if (crypto::hex(hash.finish()) != receipt.sha256) {
    ::unlink(partial.c_str());
    throw Error(Exit::kInputDamaged, "archive.damaged",
                store.url(receipt.key) + " is not what was put there: another SHA-256",
                "what came was thrown away; if this was a resumed try, try again");
  }
  if (::fsync(out.get()) != 0 || ::rename(partial.c_str(), path.c_str()) != 0)
    throw_errno("name", path, errno);
  return receipt.size - have;
}

}  // namespace

Restored restore_entry(Store& store, const CatalogEntry& entry, const std::string& folder,
                       Progress& progress, control::Service& service, const std::string& only) {
  Restored out;
  for (const CatalogFile& file : entry.files)
    if (only.empty() || file.path == only)
      progress.add_total(static_cast<int64_t>(file.receipt.size));
  for (const CatalogFile& file : entry.files) {
    if (!only.empty() && file.path != only) continue;
    check_key(file.path);  // its parts stay beneath the folder
    const std::string path = folder + "/" + file.path;
    out.received += restore(store, file, path, progress);
    out.files.push_back(path);
    service.emit("file.restored", {{"path", path}, {"bytes", file.receipt.size}});
  }
  if (only.empty() && entry.manifest.is_object()) {
    const std::string text = entry.manifest.dump(2, ' ', false, Json::error_handler_t::replace);
    const std::string path = folder + "/" + entry.id + ".json";
    const os::Fd out_file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!out_file) throw_errno("create", path, errno);
    write_or_throw(out_file.get(), text + "\n", path);
  }
  return out;
}

}  // namespace stream::archive
