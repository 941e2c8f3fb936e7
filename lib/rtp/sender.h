// One sent stream of one viewer: numbers payloads, keeps a bounded history to answer NACK from,
// writes sender reports, reads what receiver reports say of loss and round trip, and tells the
// viewer to hold pictures for as long as answers need while the way loses some, or until it is
// known that it loses none. Pure: time is passed in; one thread.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/time.h"
#include "rtp/packet.h"
#include "rtp/packetiser.h"
#include "rtp/rtcp.h"

namespace stream::rtp {

struct SenderOptions {
  uint32_t ssrc = 0;
  uint8_t payload_type = 0;
  int clock_rate = 90000;
  uint16_t first_sequence = 0;
  std::optional<uint8_t> rtx_payload_type;  // NACK is answered by RTX (RFC 4588), else by a repeat
  uint32_t rtx_ssrc = 0;
  uint8_t playout_delay_extension = 0;  // its id; 0: not agreed
  uint8_t send_time_extension = 0;      // of abs-send-time; likewise
  size_t history_packets = 1024;
  Nanoseconds history_span = std::chrono::seconds(2);
  Nanoseconds resend_pause = std::chrono::milliseconds(30);  // between answers for one packet
  double resend_share = 0.5;  // of what was sent anew: no more than this is sent again
};

class Sender {
 public:
  explicit Sender(SenderOptions options);

  // Payload `i` of a unit as a whole RTP packet into `out`, whose memory is used again.
  void send(const std::shared_ptr<const Payloads>& unit, size_t i, uint32_t timestamp,
            Nanoseconds now, std::vector<uint8_t>& out);
  // The packet that a NACK asks for; false: not kept, or answered a moment ago, or too many.
  // `copy`: once more, though it was answered a moment ago.
  bool resend(uint16_t sequence, Nanoseconds now, std::vector<uint8_t>& out, bool copy = false);

  // `timestamp` belongs to `unix_nanoseconds`.
  SenderReport report(uint32_t timestamp, int64_t unix_nanoseconds) const;
  // A block about this stream; `unix_nanoseconds` is now by the same clock as in report(). True:
  // loss() is of another span than before.
  bool read(const ReportBlock& block, Nanoseconds now, int64_t unix_nanoseconds);

  uint32_t ssrc() const noexcept { return options_.ssrc; }
  // 0..1, of the last span that is long enough to tell. Players report with each NACK: what one
  // block says of the few packets since the one before is no measure.
  double loss() const noexcept { return loss_; }
  int64_t lost() const noexcept { return lost_; }
  // What comes is not more even than that, whatever the way does.
  void hold_at_least(Nanoseconds hold) noexcept { least_hold_ = hold; }
  // What the viewer is told: how long pictures are held at least.
  Nanoseconds hold() const noexcept { return std::max(hold_, least_hold_); }
  std::optional<Nanoseconds> round_trip() const noexcept { return round_trip_; }
  uint64_t packets() const noexcept { return packets_; }
  uint64_t bytes() const noexcept { return bytes_; }  // of payload, RFC 3550 6.4.1
  uint64_t resent() const noexcept { return resent_; }

 private:
  // Payloads of one unit, one after the other: a history of packets would be four times as much
  // to write, for thousands of viewers more than the caches of a processor hold.
  struct Sent {
    std::shared_ptr<const Payloads> unit;
    size_t first = 0, count = 0;  // of its payloads
    uint64_t number = 0;          // of the first packet, by packets_
    uint32_t timestamp = 0;
    Nanoseconds at{0};
  };
  struct Answered {
    uint64_t number = 0;
    Nanoseconds at{0};
  };
  void keep(const std::shared_ptr<const Payloads>& unit, size_t i, uint32_t timestamp,
            Nanoseconds now);
  const Sent* sent(uint64_t number) const;
  bool may_answer(uint64_t number, Nanoseconds now, bool copy);
  SenderOptions options_;
  uint16_t next_ = 0, next_rtx_ = 0;
  std::deque<Sent> history_;        // up to the newest packet
  std::vector<Answered> answered_;  // a moment ago
  uint64_t packets_ = 0, bytes_ = 0, resent_ = 0;
  double allowance_ = 0;  // bytes that may be sent again
  struct Span {           // that is being measured, from its first block on
    Nanoseconds begin{0};
    uint32_t highest = 0;
    int64_t lost = 0;
  };
  bool measure(const ReportBlock& block, Nanoseconds now);
  void count_asked(Nanoseconds now);
  void lossy(Nanoseconds now);
  size_t write_head(const Header& header, Nanoseconds now, uint8_t* out) const;
  size_t head_size() const;
  std::optional<Span> span_;
  uint64_t asked_ = 0, asked_from_ = 0;  // answers in this span, and packets_ at its begin
  double loss_ = 0;
  int64_t lost_ = 0;
  std::optional<Nanoseconds> round_trip_;
  Nanoseconds hold_, least_hold_{0};
  bool guessed_ = true;  // the hold, as the round trip was not known
  std::optional<Nanoseconds> lossy_at_;
};

}  // namespace stream::rtp
