// Owns one file descriptor. Every descriptor the library opens is close-on-exec.
#pragma once
#include <string>
#include <utility>

#include "base/buffer.h"

namespace stream::os {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

// Writes all of it, through EINTR and short writes; 0 or the errno. EAGAIN waits for room.
int write_all(int fd, Bytes bytes) noexcept;

// A pipe, a FIFO or a socket: readiness means something.
bool is_pipe(int fd) noexcept;
bool is_fifo(const std::string& path) noexcept;

// The whole file, at most `max` bytes (Error "file.large" beyond). Throws Error naming the path.
std::string read_file(const std::string& path, size_t max = 16 << 20);

}  // namespace stream::os
