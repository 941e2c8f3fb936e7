#include "rtp/sender.h"

#include <algorithm>
#include <cstring>

namespace stream::rtp {
namespace {

// Bytes that may be sent again at once: what a player's socket loses of the group of pictures that
// it begins with. Copies leave half of it for those of which there is no answer yet.
constexpr double kBurst = 256 << 10;
constexpr Nanoseconds kLossSpan = std::chrono::seconds(1);
constexpr int32_t kLossPackets = 20;                         // at least, in a span
constexpr double kLossy = 0.01;                              // 0..1
constexpr uint64_t kLossyAsked = 3;                          // packets, in a span
constexpr Nanoseconds kLossyFor = std::chrono::seconds(30);  // after the last span of that kind
// A NACK goes out within 20 ms of the next packet, and that may be of the next picture. Players
// that only receive do not know the round trip (RFC 3611 is rarely offered), hold nothing for it
// and ask again after 100 ms: then a picture stands for that long, which is seen as a freeze when
// it happens twice in a row unless there is a little more.
constexpr Nanoseconds kBesideRoundTrip = std::chrono::milliseconds(100),
                      kUsualRoundTrip = std::chrono::milliseconds(100),
                      kMostHold = std::chrono::milliseconds(500);
// Until a way is known: it costs a second of a little more delay, and what is lost in that second
// would be seen, as a player holds least when it begins.
constexpr Nanoseconds kFirstHold = std::chrono::milliseconds(100);
constexpr size_t kExtensionHead = 4, kExtensionSize = 4;
constexpr uint32_t kMostPlayout = 1000;  // in 10 ms, as players have it without being told

}  // namespace

Sender::Sender(SenderOptions options)
    : options_(options), next_(options.first_sequence), allowance_(kBurst), hold_(kFirstHold) {}

void Sender::send(const std::shared_ptr<const Payloads>& unit, size_t i, uint32_t timestamp,
                  Nanoseconds now, std::vector<uint8_t>& out) {
  const Payload& payload = (*unit)[i];
  out.resize(head_size() + payload.data.size());
  const size_t head = write_head(
      {payload.marker, options_.payload_type, next_, timestamp, options_.ssrc}, now, out.data());
  std::memcpy(out.data() + head, payload.data.data(), payload.data.size());
  if (options_.history_packets > 0) keep(unit, i, timestamp, now);
  ++next_;
  ++packets_;
  bytes_ += payload.data.size();
  allowance_ =
      std::min(kBurst, allowance_ + options_.resend_share * static_cast<double>(out.size()));
}

void Sender::keep(const std::shared_ptr<const Payloads>& unit, size_t i, uint32_t timestamp,
                  Nanoseconds now) {
  Sent* last = history_.empty() ? nullptr : &history_.back();
  if (last && last->unit == unit && last->timestamp == timestamp && last->first + last->count == i)
    ++last->count;
  else
    history_.push_back({unit, i, 1, packets_, timestamp, now});
  while (history_.front().number + history_.front().count + options_.history_packets <= packets_ ||
         now - history_.front().at > options_.history_span)
    history_.pop_front();
}

// nullptr: not kept.
const Sender::Sent* Sender::sent(uint64_t number) const {
  auto it = std::upper_bound(history_.begin(), history_.end(), number,
                             [](uint64_t n, const Sent& one) { return n < one.number; });
  return it == history_.begin() || number >= packets_ ? nullptr : &*--it;
}

// `copy`: though it was answered a moment ago. When it may, it is noted.
bool Sender::may_answer(uint64_t number, Nanoseconds now, bool copy) {
  std::erase_if(answered_, [&](const Answered& one) {
    return now - one.at >= options_.resend_pause || (copy && one.number == number);
  });
  if (std::any_of(answered_.begin(), answered_.end(),
                  [&](const Answered& one) { return one.number == number; }))
    return false;
  answered_.push_back({number, now});
  return true;
}

size_t Sender::head_size() const {
  const size_t count = (options_.playout_delay_extension != 0 ? 1u : 0u) +
                       (options_.send_time_extension != 0 ? 1u : 0u);
  return kHeaderSize + (count == 0 ? 0 : kExtensionHead + count * kExtensionSize);
}

// With header extensions in the one-byte form of RFC 8285, both of three bytes. Playout delay: 12
// bits for the least, 12 for the most, in 10 ms. Send time: 6 bits of seconds and 18 of fractions.
size_t Sender::write_head(const Header& header, Nanoseconds now, uint8_t* out) const {
  write_header(header, out);
  const size_t size = head_size();
  if (size == kHeaderSize) return size;
  out[0] |= 0x10;
  uint8_t* at = out + kHeaderSize;
  const uint8_t head[kExtensionHead] = {
      0xbe, 0xde, 0, static_cast<uint8_t>((size - kHeaderSize) / kExtensionSize - 1)};
  at = std::copy(std::begin(head), std::end(head), at);
  const auto add = [&at](uint8_t id, uint32_t value) {
    *at++ = static_cast<uint8_t>(id << 4 | 2);
    for (const int shift : {16, 8, 0}) *at++ = static_cast<uint8_t>(value >> shift);
  };
  if (options_.send_time_extension != 0)
    add(options_.send_time_extension,
        static_cast<uint32_t>(rescale(now.count(), kNanosecondBase, {1, 1 << 18})) & 0xffffff);
  if (options_.playout_delay_extension != 0) {
    const auto least = static_cast<uint32_t>(hold() / std::chrono::milliseconds(10));
    add(options_.playout_delay_extension, least << 12 | kMostPlayout);
  }
  return size;
}

bool Sender::resend(uint16_t sequence, Nanoseconds now, std::vector<uint8_t>& out, bool copy) {
  const auto back = static_cast<uint16_t>(next_ - sequence);  // 1: the last one
  if (back > packets_) return false;
  const uint64_t number = packets_ - back;
  const Sent* const kept = sent(number);
  if (kept == nullptr) return false;
  const Payload& payload = (*kept->unit)[kept->first + (number - kept->number)];
  const bool rtx = options_.rtx_payload_type.has_value();
  const size_t head = head_size() + (rtx ? 2 : 0);
  const size_t size = head + payload.data.size();
  const double kept_back = copy ? kBurst / 2 : 0;
  if (allowance_ < kept_back + static_cast<double>(size) || !may_answer(number, now, copy))
    return false;
  allowance_ -= static_cast<double>(size);
  ++resent_;
  out.resize(size);
  Header header{payload.marker, options_.payload_type, sequence, kept->timestamp, options_.ssrc};
  if (rtx) {
    header.payload_type = *options_.rtx_payload_type;
    header.sequence = next_rtx_++;
    header.ssrc = options_.rtx_ssrc;
    out[head - 2] = static_cast<uint8_t>(sequence >> 8);
    out[head - 1] = static_cast<uint8_t>(sequence);
  }
  write_head(header, now, out.data());
  std::memcpy(out.data() + head, payload.data.data(), payload.data.size());
  if (!copy) count_asked(now);
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
  asked_ = 0;
  asked_from_ = packets_;
  if (loss_ >= kLossy)
    lossy(now);
  else if (!lossy_at_ || now - *lossy_at_ > kLossyFor)
    hold_ = Nanoseconds{0};
  return true;
}

// A player asks long before it reports on a whole span.
void Sender::count_asked(Nanoseconds now) {
  if (++asked_ < kLossyAsked) return;
  if (static_cast<double>(asked_) >= kLossy * static_cast<double>(packets_ - asked_from_))
    lossy(now);
}

void Sender::lossy(Nanoseconds now) {
  lossy_at_ = now;
  const Nanoseconds wanted =
      std::min(round_trip_.value_or(kUsualRoundTrip) + kBesideRoundTrip, kMostHold);
  hold_ = guessed_ ? wanted : std::max(hold_, wanted);
  guessed_ = !round_trip_;
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
