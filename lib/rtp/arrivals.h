// When the packets of a publisher arrived, by their transport-wide sequence numbers, and the
// feedback by which he finds what the way carries (draft-holmer-rmcat-transport-wide-cc-
// extensions-01). A packet that comes out of order is reported once more with what is around it.
// Bounded; pure: time is passed in.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"
#include "rtp/packet.h"
#include "rtp/rtcp.h"

namespace stream::rtp {

inline constexpr size_t kMaxReported = 400;  // packets in one feedback: it fits into a datagram

class Arrivals {
 public:
  void record(uint16_t sequence, Nanoseconds now);
  // The next part of what has not been reported; nullopt: nothing. The SSRCs are the caller's.
  std::optional<TransportFeedback> feedback();

 private:
  int64_t& at(int64_t number);
  void begin(int64_t number);
  void drop_old(int64_t time);

  Unwrapper<uint16_t> numbers_;
  // When those from first_ to end_ arrived, in units of TransportFeedback, each at its number
  // modulo the size; outside of them nothing is set.
  std::vector<int64_t> ring_;
  int64_t first_ = 0, end_ = 0;
  std::optional<int64_t> next_;  // the first that is to be reported
  uint8_t count_ = 0;
};

}  // namespace stream::rtp
