#include "os/gather.h"

#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

namespace stream::os {

namespace {

// Fills `pieces` from byte `skip` on; returns how many there are.
int collect(iovec* pieces, int max, Bytes head, std::span<const Buffer> payload, uint64_t skip) {
  int count = 0;
  const auto add = [&](Bytes bytes) {
    if (skip >= bytes.size()) {
      skip -= bytes.size();
      return;
    }
    bytes = bytes.subspan(static_cast<size_t>(skip));
    skip = 0;
    pieces[count++] = {const_cast<uint8_t*>(bytes.data()), bytes.size()};
  };
  add(head);
  for (size_t i = 0; i < payload.size() && count < max; ++i) add(payload[i]);
  return count;
}

}  // namespace

Written write_gather(int fd, Bytes head, std::span<const Buffer> payload, uint64_t skip) noexcept {
  Written result;
  iovec pieces[IOV_MAX];
  while (const int count = collect(pieces, IOV_MAX, head, payload, skip + result.bytes)) {
    const ssize_t n = ::writev(fd, pieces, count);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      result.error = n < 0 ? errno : EIO;
      return result;
    }
    result.bytes += static_cast<uint64_t>(n);
  }
  return result;
}

}  // namespace stream::os
