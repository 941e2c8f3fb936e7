#include "rtp/receiver.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include "rtp/red.h"

namespace stream::rtp {
namespace {

constexpr int64_t kRoom = 65536;     // below the first sequence number: none is negative
constexpr int kMaxSpare = 4;         // how far a packet's spares are ahead of the highest
constexpr int kMaxJump = 3000;       // in sequence numbers; a further one needs a witness
constexpr size_t kMaxMissing = 512;  // asked for at one time
constexpr size_t kMaxAsked = 128;    // in one NACK
constexpr size_t kMaxHeld = 16u << 20;

struct Held {
  Buffer bytes;  // of the payload
  Header header;
  Nanoseconds at{0};
};

struct Missing {
  Nanoseconds since{0}, next{0};
  int tries = 0;
};

}  // namespace

struct Receiver::State {
  explicit State(ReceiverOptions o)
      : options(std::move(o)),
        units(make_depacketiser(options.codec, options.channels)),
        picture(options.codec != "opus"),
        waits_for_key(picture) {}

  const ReceiverOptions options;
  const std::unique_ptr<Depacketiser> units;
  const bool picture;

  Unwrapper<uint32_t> times;
  // Sequence numbers: the first received, the one to come out, the highest received.
  int64_t first = -1, next = -1, highest = -1;
  std::map<int64_t, Held> held;
  size_t held_bytes = 0;
  std::map<int64_t, Missing> missing;
  std::optional<uint16_t> witness;  // what would follow a packet that jumped
  std::deque<Unit> ready;
  bool waits_for_key;
  bool discontinuity = false;
  ReceiverStats stats;

  // Of the reports.
  uint64_t received = 0, expected_before = 0, received_before = 0;
  bool has_transit = false;
  int64_t transit = 0;
  double jitter = 0;
  uint32_t report_middle = 0;
  std::optional<Nanoseconds> report_at;

  void receive(const Packet& packet, Nanoseconds now, bool again);
  void receive_spare(const Packet& packet, Nanoseconds now);
  void take(const Packet& packet, int64_t number, Nanoseconds now);
  std::optional<int64_t> place(uint16_t sequence, bool again);
  int64_t begin(uint16_t sequence);
  void measure(const Packet& packet, Nanoseconds now);
  void note_missing(int64_t from, int64_t to, Nanoseconds now);
  void deliver_in_order();
  void deliver(const Packet& packet, Nanoseconds at);
  void give_up(int64_t until);
  void tick(Nanoseconds now);
};

// Where a sequence number stands on a line without wraps; nullopt: it can't be believed yet.
std::optional<int64_t> Receiver::State::place(uint16_t sequence, bool again) {
  if (highest < 0 && again) return std::nullopt;
  if (highest < 0) return begin(sequence);
  const auto step = static_cast<int16_t>(sequence - static_cast<uint16_t>(highest));
  if (std::abs(step) <= kMaxJump || again) {
    if (!again) witness.reset();
    return highest + step;
  }
  // RFC 3550 A.1: a sender that began anew shows two packets in a row.
  if (witness != sequence) {
    witness = static_cast<uint16_t>(sequence + 1);
    return std::nullopt;
  }
  held.clear();
  held_bytes = 0;
  missing.clear();
  units->hole();
  discontinuity = true;
  waits_for_key = picture;
  return begin(sequence);
}

int64_t Receiver::State::begin(uint16_t sequence) {
  witness.reset();
  first = next = sequence + kRoom;
  highest = first - 1;
  received = expected_before = received_before = 0;
  has_transit = false;
  return first;
}

void Receiver::State::receive(const Packet& packet, Nanoseconds now, bool again) {
  const auto place_of = place(packet.sequence, again);
  if (!place_of || *place_of < next) {
    ++stats.late;
    return;
  }
  const int64_t number = *place_of;
  if (held.contains(number)) {
    ++stats.duplicates;
    return;
  }
  if (const auto gone = missing.find(number); gone != missing.end()) {
    if (gone->second.tries > 0) ++stats.recovered;
    missing.erase(gone);
  }
  ++stats.packets;
  ++received;
  stats.bytes += packet.payload.size();
  if (!times.started()) times(packet.timestamp);
  if (!again) measure(packet, now);
  if (number > highest) {
    note_missing(highest + 1, number, now);
    highest = number;
  }
  take(packet, number, now);
}

// The reports to the peer go on calling it lost: they are of the network.
void Receiver::State::receive_spare(const Packet& packet, Nanoseconds now) {
  if (highest < 0 || packet.payload.empty()) return;
  const int64_t number =
      highest + static_cast<int16_t>(packet.sequence - static_cast<uint16_t>(highest));
  if (number < next || number > highest + kMaxSpare || held.contains(number)) return;
  missing.erase(number);
  highest = std::max(highest, number);
  ++stats.recovered;
  take(packet, number, now);
}

void Receiver::State::take(const Packet& packet, int64_t number, Nanoseconds now) {
  if (number == next) {  // the usual case: nothing is to be kept
    ++next;
    deliver(packet, now);
    return deliver_in_order();
  }
  Held one;
  one.header = {packet.marker, packet.payload_type, packet.sequence, packet.timestamp, packet.ssrc};
  one.at = now;
  one.bytes = Buffer::copy(packet.payload);
  held_bytes += one.bytes.size();
  held.emplace(number, std::move(one));
  deliver_in_order();
  while (held.size() > options.max_packets || held_bytes > kMaxHeld) give_up(held.begin()->first);
}

void Receiver::State::measure(const Packet& packet, Nanoseconds now) {  // RFC 3550 A.8
  const int64_t arrival = rescale(now.count(), kNanosecondBase, Rational{1, options.clock_rate});
  const int64_t line = arrival - times.peek(packet.timestamp);
  if (has_transit) jitter += (static_cast<double>(std::abs(line - transit)) - jitter) / 16;
  has_transit = true;
  transit = line;
}

void Receiver::State::note_missing(int64_t from, int64_t to, Nanoseconds now) {
  from = std::max(from, to - static_cast<int64_t>(kMaxMissing));
  for (int64_t number = from; number < to; ++number) missing.emplace(number, Missing{now, now, 0});
  while (missing.size() > kMaxMissing) missing.erase(missing.begin());
}

void Receiver::State::deliver_in_order() {
  while (!held.empty() && held.begin()->first == next) {
    const Held packet = std::move(held.begin()->second);
    held.erase(held.begin());
    held_bytes -= packet.bytes.size();
    ++next;
    Packet again;
    again.marker = packet.header.marker;
    again.timestamp = packet.header.timestamp;
    again.payload = packet.bytes;
    deliver(again, packet.at);
  }
}

void Receiver::State::deliver(const Packet& packet, Nanoseconds at) {
  const uint64_t discarded = units->discarded();
  units->feed(packet);
  while (auto made = units->next()) {
    Unit unit;
    static_cast<AccessUnit&>(unit) = std::move(*made);
    unit.time = times(unit.timestamp);
    unit.arrived = at;
    if (waits_for_key && !unit.key) {
      ++stats.held_back;
      discontinuity = true;
      continue;
    }
    waits_for_key = false;
    unit.discontinuity = std::exchange(discontinuity, false);
    ready.push_back(std::move(unit));
  }
  if (units->discarded() != discarded) {  // damaged, or it lacks a part
    stats.discarded += units->discarded() - discarded;
    waits_for_key = picture;
    discontinuity = true;
  }
}

// All that is missing before `until` is lost.
void Receiver::State::give_up(int64_t until) {
  if (until <= next) return;
  stats.lost += static_cast<uint64_t>(until - next);
  next = until;
  missing.erase(missing.begin(), missing.lower_bound(until));
  units->hole();
  discontinuity = true;
  waits_for_key = picture;
  deliver_in_order();
}

void Receiver::State::tick(Nanoseconds now) {
  // A packet is waited for as long as what came after it has waited.
  while (!held.empty() && now - held.begin()->second.at >= options.hold)
    give_up(held.begin()->first);
}

Receiver::Receiver(ReceiverOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Receiver::~Receiver() = default;
Receiver::Receiver(Receiver&&) noexcept = default;
Receiver& Receiver::operator=(Receiver&&) noexcept = default;

void Receiver::receive(const Packet& packet, Nanoseconds now, bool again) {
  state_->receive(packet, now, again);
  state_->tick(now);
}

void Receiver::receive_red(const Packet& packet, uint8_t payload_type, Nanoseconds now) {
  const auto red = parse_red(packet);
  if (!red || red->own.payload_type != payload_type) return;
  for (size_t i = 0; i < red->count; ++i) state_->receive_spare(red->spares[i], now);
  receive(red->own, now);
}

void Receiver::receive_rtx(const Packet& packet, Nanoseconds now) {
  if (packet.payload.size() < 2) return;  // padding that probes for bandwidth
  Packet original = packet;
  original.sequence = static_cast<uint16_t>(packet.payload[0] << 8 | packet.payload[1]);
  original.payload = packet.payload.subspan(2);
  receive(original, now, true);
}

void Receiver::tick(Nanoseconds now) {
  state_->tick(now);
}

std::optional<Receiver::Unit> Receiver::next() {
  if (state_->ready.empty()) return std::nullopt;
  std::optional<Unit> unit(std::move(state_->ready.front()));
  state_->ready.pop_front();
  return unit;
}

std::vector<uint16_t> Receiver::nacks(Nanoseconds now) {
  std::vector<uint16_t> asked;
  if (!state_->options.nack) return asked;
  for (auto& [number, missing] : state_->missing) {
    if (asked.size() >= kMaxAsked) break;
    if (missing.next > now || missing.tries >= state_->options.nack_tries) continue;
    ++missing.tries;
    missing.next = now + state_->options.nack_again;
    asked.push_back(static_cast<uint16_t>(number));
  }
  state_->stats.nacks += asked.size();
  return asked;
}

bool Receiver::wants_key_frame() const noexcept {
  return state_->waits_for_key;
}

std::optional<Nanoseconds> Receiver::deadline() const {
  std::optional<Nanoseconds> soonest;
  const auto consider = [&](Nanoseconds at) { soonest = soonest ? std::min(*soonest, at) : at; };
  if (!state_->held.empty()) consider(state_->held.begin()->second.at + state_->options.hold);
  if (!state_->options.nack) return soonest;
  for (const auto& [number, missing] : state_->missing)
    if (missing.tries < state_->options.nack_tries) consider(missing.next);
  return soonest;
}

void Receiver::sender_report(const SenderReport& report, Nanoseconds now) {
  state_->report_middle = ntp_middle(report.ntp);
  state_->report_at = now;
}

std::optional<ReportBlock> Receiver::report(Nanoseconds now) {
  State& s = *state_;
  if (s.highest < 0) return std::nullopt;
  ReportBlock block;
  const auto expected = static_cast<uint64_t>(s.highest - s.first + 1);
  const auto lost = static_cast<int64_t>(expected) - static_cast<int64_t>(s.received);
  block.lost = static_cast<int32_t>(std::clamp<int64_t>(lost, -0x800000, 0x7fffff));
  const auto new_expected = static_cast<int64_t>(expected - s.expected_before);
  const int64_t new_lost = new_expected - static_cast<int64_t>(s.received - s.received_before);
  if (new_expected > 0 && new_lost > 0)
    block.fraction_lost =
        static_cast<uint8_t>(std::min<int64_t>(255, new_lost * 256 / new_expected));
  s.expected_before = expected;
  s.received_before = s.received;
  block.highest_sequence = static_cast<uint32_t>(s.highest - kRoom);
  block.jitter = static_cast<uint32_t>(s.jitter);
  if (s.report_at) {
    block.last_report = s.report_middle;
    block.delay_since_report = static_cast<uint32_t>(
        rescale((now - *s.report_at).count(), kNanosecondBase, Rational{1, 65536}));
  }
  return block;
}

int64_t Receiver::line_time(uint32_t timestamp) const {
  return state_->times.peek(timestamp);
}

ReceiverStats& ReceiverStats::operator+=(const ReceiverStats& more) noexcept {
  packets += more.packets;
  bytes += more.bytes;
  lost += more.lost;
  recovered += more.recovered;
  late += more.late;
  duplicates += more.duplicates;
  nacks += more.nacks;
  discarded += more.discarded;
  held_back += more.held_back;
  return *this;
}

ReceiverStats Receiver::stats() const {
  ReceiverStats stats = state_->stats;
  stats.jitter = static_cast<uint32_t>(state_->jitter);
  stats.buffered = state_->held.size();
  return stats;
}

}  // namespace stream::rtp
