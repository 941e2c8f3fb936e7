#include "webrtc/gathering.h"

#include <algorithm>
#include <chrono>

namespace stream::webrtc {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kMeasured = 100ms;
constexpr Nanoseconds kLongestPause = 3ms, kShortestPause = 300us;
constexpr double kManyFrom = 1000;  // a second: ten publishers of 1 Mbit/s
constexpr size_t kInMemory = 2304;  // of a datagram of 1,200 bytes, as the kernel counts
constexpr size_t kShareOfRoom = 8;  // the rest is for bursts: key frames come together

double seconds(Nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

}  // namespace

Gathering::Gathering(size_t room) : most_(static_cast<double>(room / kInMemory / kShareOfRoom)) {}

Nanoseconds Gathering::pause(size_t got, Nanoseconds now) {
  count_ += got;
  if (now - since_ >= kMeasured) {
    rate_ = static_cast<double>(count_) / seconds(now - since_);
    since_ = now;
    count_ = 0;
  }
  if (got == 0 || rate_ < kManyFrom) return 0ns;
  const auto until_full = Nanoseconds(static_cast<int64_t>(1e9 * most_ / rate_));
  return until_full < kShortestPause ? 0ns : std::min(until_full, kLongestPause);
}

}  // namespace stream::webrtc
