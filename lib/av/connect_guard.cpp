#include "av/connect_guard.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace stream::av {
namespace {

thread_local const MayConnect* guard = nullptr;

}  // namespace

ConnectGuard::ConnectGuard(const MayConnect& may) noexcept
    : outer_(std::exchange(guard, may ? &may : guard)) {}
ConnectGuard::~ConnectGuard() {
  guard = outer_;
}

}  // namespace stream::av

// Takes the place of libc's in the whole process. The resolver's own connections are not affected:
// libc calls itself directly.
extern "C" __attribute__((visibility("default"))) int connect(int fd, const sockaddr* address,
                                                              socklen_t size) {
  if (const stream::av::MayConnect* may = stream::av::guard; may && address) {
    if (!(*may)(*address, size)) {
      errno = EACCES;
      return -1;
    }
  }
  return static_cast<int>(::syscall(SYS_connect, fd, address, size));
}
