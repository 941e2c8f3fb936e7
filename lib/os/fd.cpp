#include "os/fd.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"

namespace stream::os {

void Fd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

int write_all(int fd, Bytes bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd room{fd, POLLOUT, 0};
      ::poll(&room, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

bool is_pipe(int fd) noexcept {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode));
}

bool is_fifo(const std::string& path) noexcept {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISFIFO(status.st_mode);
}

std::string read_file(const std::string& path, size_t max) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw_errno("open", path, errno);
  std::string text;
  struct stat info {};  // growing step by step costs more than reading does
  if (::fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode))
    text.reserve(std::min(max, static_cast<size_t>(info.st_size)));
  char block[65536];
  for (;;) {
    const ssize_t n = ::read(file.get(), block, sizeof block);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read", path, errno);
    if (n == 0) return text;
    if (text.size() + static_cast<size_t>(n) > max)
      throw Error(Exit::kConfig, "file.large",
                  path + " is larger than the " + std::to_string(max) +
                      " bytes that are read of such a file");
    text.append(block, static_cast<size_t>(n));
  }
}

}  // namespace stream::os
