// Writes a header and the buffers that follow it without joining them first.
#pragma once
#include <cstdint>
#include <span>

#include "base/buffer.h"

namespace stream::os {

struct Written {
  uint64_t bytes = 0;
  int error = 0;  // errno of the call that ended it; 0: all is written
};

// One writev() per 1,024 pieces; goes on through EINTR and short writes. `skip` bytes at the start
// are left out: what an earlier call has written before it failed.
Written write_gather(int fd, Bytes head, std::span<const Buffer> payload,
                     uint64_t skip = 0) noexcept;

}  // namespace stream::os
