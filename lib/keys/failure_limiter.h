// Slows down those who try keys: after a few wrong ones from an address the refusals to it come
// late. A right key is never delayed, so guessing does not lock anybody out. Bounded; pure.
#pragma once
#include <map>
#include <string>

#include "base/time.h"

namespace stream::keys {

class FailureLimiter {
 public:
  // Notes a wrong key from `address`; how long to wait before it is told so.
  Nanoseconds failed(const std::string& address, Nanoseconds now);

  static constexpr int kFree = 5;  // wrong keys per address and minute that cost nothing
  static constexpr Nanoseconds kWindow = std::chrono::minutes(1);
  static constexpr Nanoseconds kLongest = std::chrono::seconds(3);
  static constexpr size_t kAddresses = 4096;

 private:
  struct Count {
    int failures = 0;
    Nanoseconds since{0};
  };
  std::map<std::string, Count> counts_;
};

}  // namespace stream::keys
