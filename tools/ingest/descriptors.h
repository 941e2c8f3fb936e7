// How many connections this process may have.
#pragma once
#include <sys/resource.h>

#include <algorithm>

namespace stream::ingest {

inline constexpr rlim_t kDescriptors = 65536;
inline constexpr rlim_t kReserved = 24;  // standard streams, sockets of our own, a file being read

// Each publisher costs a socket and two of its stream's; readers come on top.
inline size_t connections_for_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1000;
  limit.rlim_cur = std::min(limit.rlim_max, kDescriptors);
  setrlimit(RLIMIT_NOFILE, &limit);
  getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur > 2 * kReserved ? static_cast<size_t>(limit.rlim_cur - kReserved) : 8;
}

}  // namespace stream::ingest
