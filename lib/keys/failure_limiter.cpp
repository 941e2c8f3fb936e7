#include "keys/failure_limiter.h"

#include <algorithm>

namespace stream::keys {

Nanoseconds FailureLimiter::failed(const std::string& address, Nanoseconds now) {
  if (counts_.size() >= kAddresses && !counts_.count(address))
    std::erase_if(counts_, [&](const auto& item) { return now - item.second.since > kWindow; });
  if (counts_.size() >= kAddresses && !counts_.count(address)) return kLongest;
  Count& count = counts_[address];
  if (now - count.since > kWindow) count = {0, now};
  const int beyond = ++count.failures - kFree;
  if (beyond <= 0) return Nanoseconds{0};
  return std::min<Nanoseconds>(std::chrono::milliseconds(250) * beyond, kLongest);
}

}  // namespace stream::keys
