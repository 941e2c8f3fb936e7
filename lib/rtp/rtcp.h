// RTCP (RFC 3550 6, RFC 4585, RFC 5104): compound and reduced-size packets to values and back.
// Pure. What is of no use to us (APP, XR, other feedback) is skipped.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/buffer.h"
#include "base/bytes.h"
#include "base/time.h"

namespace stream::rtp {

struct ReportBlock {  // RFC 3550 6.4.1
  uint32_t ssrc = 0;
  uint8_t fraction_lost = 0;  // of 256, since the report before
  int32_t lost = 0;           // so far; 24 bits, signed
  uint32_t highest_sequence = 0;
  uint32_t jitter = 0;                               // in timestamp units
  uint32_t last_report = 0, delay_since_report = 0;  // LSR, DLSR: 1/65536 s
};
struct SenderReport {
  uint32_t ssrc = 0;
  uint64_t ntp = 0;  // 32.32 seconds since 1900
  uint32_t timestamp = 0, packets = 0, bytes = 0;
  std::vector<ReportBlock> blocks;
};
struct ReceiverReport {
  uint32_t ssrc = 0;
  std::vector<ReportBlock> blocks;
};
struct Description {  // SDES with a CNAME
  uint32_t ssrc = 0;
  std::string cname;
};
struct Bye {
  std::vector<uint32_t> ssrcs;
};
struct Nack {  // RFC 4585 6.2.1
  uint32_t sender = 0, media = 0;
  std::vector<uint16_t> sequences;
};
struct Pli {
  uint32_t sender = 0, media = 0;
};
struct Fir {  // RFC 5104 4.3.1
  uint32_t sender = 0;
  struct Entry {
    uint32_t ssrc = 0;
    uint8_t sequence = 0;
  };
  std::vector<Entry> entries;
};
struct Remb {  // draft-alvestrand-rmcat-remb
  uint32_t sender = 0;
  uint64_t bit_rate = 0;
  std::vector<uint32_t> ssrcs;
};
struct TransportFeedback {  // draft-holmer-rmcat-transport-wide-cc-extensions-01 3.1
  uint32_t sender = 0, media = 0;
  uint16_t base = 0;       // transport-wide sequence number of the first packet
  uint8_t count = 0;       // of feedback so far
  uint32_t reference = 0;  // 24 bits, in 64 ms
  // Of each packet from the first on: how long after the one before it that was received (the first
  // of them: after `reference`) it came, in kFeedbackUnit. nullopt: not received.
  std::vector<std::optional<int16_t>> deltas;
};
inline constexpr Nanoseconds kFeedbackUnit = std::chrono::microseconds(250);
using Rtcp = std::variant<SenderReport, ReceiverReport, Description, Bye, Nack, Pli, Fir, Remb,
                          TransportFeedback>;

// The packets of one datagram, at most 64 of them, up to the first that is damaged.
std::vector<Rtcp> parse_rtcp(Bytes bytes);

// Appends; several calls make a compound packet. Lists are cut to what their count can say.
void write_rtcp(ByteWriter& out, const Rtcp& packet);

// 32.32 seconds since 1900 of the wall clock given as nanoseconds since 1970, and its middle bits.
uint64_t ntp_time(int64_t unix_nanoseconds);
inline uint32_t ntp_middle(uint64_t ntp) {
  return static_cast<uint32_t>(ntp >> 16);
}

}  // namespace stream::rtp
