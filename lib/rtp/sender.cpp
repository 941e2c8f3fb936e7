#include "rtp/sender.h"

#include <algorithm>
#include <cstring>

#include "rtp/packet.h"

namespace stream::rtp {
namespace {

constexpr double kBurst = 64 << 10;  // bytes that may be sent again at once
constexpr Nanoseconds kLossSpan = std::chrono::seconds(1);
constexpr int32_t kLossPackets = 20;  // at least, in a span

}  // namespace

Sender::Sender(SenderOptions options)
    : options_(options), next_(options.first_sequence), allowance_(kBurst) {}

void Sender::send(const Payload& payload, uint32_t timestamp, Nanoseconds now,
                  std::vector<uint8_t>& out) {
  out.resize(kHeaderSize + payload.data.size());
  write_header({payload.marker, options_.payload_type, next_, timestamp, options_.ssrc},
               out.data());
  std::memcpy(out.data() + kHeaderSize, payload.data.data(), payload.data.size());
  ++next_;
  ++packets_;
  bytes_ += payload.data.size();
  allowance_ =
      std::min(kBurst, allowance_ + options_.resend_share * static_cast<double>(out.size()));
  history_.push_back({payload, timestamp, now, Nanoseconds::min()});
  while (history_.size() > options_.history_packets ||
         now - history_.front().at > options_.history_span)
    history_.pop_front();
}

bool Sender::resend(uint16_t sequence, Nanoseconds now, std::vector<uint8_t>& out) {
  const auto back = static_cast<uint16_t>(next_ - sequence);  // 1: the last one
  if (back == 0 || back > history_.size()) return false;
  Sent& sent = history_[history_.size() - back];
  if (sent.resent != Nanoseconds::min() && now - sent.resent < options_.resend_pause) return false;
  const bool rtx = options_.rtx_payload_type.has_value();
  const size_t head = kHeaderSize + (rtx ? 2 : 0);
  const size_t size = head + sent.payload.data.size();
  if (allowance_ < static_cast<double>(size)) return false;
  allowance_ -= static_cast<double>(size);
  sent.resent = now;
  ++resent_;
  out.resize(size);
  Header header{sent.payload.marker, options_.payload_type, sequence, sent.timestamp,
                options_.ssrc};
  if (rtx) {
    header.payload_type = *options_.rtx_payload_type;
    header.sequence = next_rtx_++;
    header.ssrc = options_.rtx_ssrc;
    out[kHeaderSize] = static_cast<uint8_t>(sequence >> 8);
    out[kHeaderSize + 1] = static_cast<uint8_t>(sequence);
  }
  write_header(header, out.data());
  std::memcpy(out.data() + head, sent.payload.data.data(), sent.payload.data.size());
  return true;
}

SenderReport Sender::report(uint32_t timestamp, int64_t unix_nanoseconds) const {
  SenderReport report;
  report.ssrc = options_.ssrc;
  report.ntp = ntp_time(unix_nanoseconds);
  report.timestamp = timestamp;
  report.packets = static_cast<uint32_t>(packets_);
  report.bytes = static_cast<uint32_t>(bytes_);
  return report;
}

bool Sender::measure(const ReportBlock& block, Nanoseconds now) {
  auto expected = span_ ? static_cast<int32_t>(block.highest_sequence - span_->highest) : -1;
  if (expected < 0) {  // the first, or a receiver that began anew
    span_ = {now, block.highest_sequence, block.lost};
    expected = 0;
  }
  if (now - span_->begin < kLossSpan || expected < kLossPackets) return false;
  const double lost = static_cast<double>(block.lost - span_->lost);
  loss_ = std::clamp(lost / expected, 0.0, 1.0);
  span_ = {now, block.highest_sequence, block.lost};
  return true;
}

bool Sender::read(const ReportBlock& block, Nanoseconds now, int64_t unix_nanoseconds) {
  if (block.ssrc != options_.ssrc) return false;
  lost_ = block.lost;
  const bool measured = measure(block, now);
  if (block.last_report == 0) return measured;
  // RFC 3550 6.4.1: A - LSR - DLSR, in 1/65536 s; more than 30 s are nobody's round trip.
  const uint32_t ticks =
      ntp_middle(ntp_time(unix_nanoseconds)) - block.last_report - block.delay_since_report;
  if (ticks <= 30 * 65536u)
    round_trip_ = Nanoseconds(rescale(ticks, Rational{1, 65536}, kNanosecondBase));
  return measured;
}

}  // namespace stream::rtp
