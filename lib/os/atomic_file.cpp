#include "os/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "os/fd.h"

namespace stream::os {
namespace {

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

void write_file(const std::string& path, Bytes bytes, Sync sync, unsigned mode) {
  static std::atomic<unsigned> counter{0};
  const std::string aside =
      path + ".tmp" + std::to_string(getpid()) + "-" + std::to_string(++counter);
  Fd file(::open(aside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file) throw_errno("create", aside, errno);
  int error = write_all(file.get(), bytes);
  if (error == 0 && sync == Sync::kYes && ::fdatasync(file.get()) != 0) error = errno;
  if (error == 0 && ::rename(aside.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    ::unlink(aside.c_str());
    throw_errno("write", path, error);
  }
  if (sync == Sync::kYes) {
    const Fd dir(::open(directory_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (dir) ::fsync(dir.get());
  }
}

}  // namespace stream::os
