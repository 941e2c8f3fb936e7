#include "os/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "base/error.h"

namespace stream::os {
namespace {

// Polled: a blocking flock(2) can't be given a limit without a signal.
bool lock(int fd, std::chrono::milliseconds patience) {
  const auto limit = std::chrono::steady_clock::now() + patience;
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() >= limit) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace

FileLock::FileLock(const std::string& path, const std::string& what,
                   std::chrono::milliseconds patience)
    : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)) {
  if (!file_) throw_errno("open the lock", path, errno);
  if (!lock(file_.get(), patience)) {
    char holder[32] = {};
    const ssize_t n = ::pread(file_.get(), holder, sizeof holder - 1, 0);
    const std::string pid =
        n > 0 ? " (process " + std::string(holder, static_cast<size_t>(n)) + ")" : "";
    throw Error(Exit::kLocked, "lock.held", what + " is in use by another instance" + pid,
                "stop that one first, or choose another name or directory");
  }
  const std::string pid = std::to_string(getpid());
  if (::ftruncate(file_.get(), 0) != 0 || ::pwrite(file_.get(), pid.data(), pid.size(), 0) < 0)
    throw_errno("write the lock", path, errno);
}

}  // namespace stream::os
