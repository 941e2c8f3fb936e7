// When the packets of a publisher arrived, by their transport-wide sequence numbers, and the
// feedback by which he finds what the way carries (draft-holmer-rmcat-transport-wide-cc-
// extensions-01). A packet that comes out of order is reported once more with what is around it.
// Bounded; pure: time is passed in.
#pragma once
#include <cstdint>
#include <map>
#include <optional>

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
  Unwrapper<uint16_t> numbers_;
  std::map<int64_t, int64_t> at_;  // arrival by number, in units of TransportFeedback
  std::optional<int64_t> next_;    // the first that is to be reported
  uint8_t count_ = 0;
};

}  // namespace stream::rtp
