#include "rtp/receiver.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "rtp/sender.h"
#include "unit/rtp/media.h"

using namespace stream;
using namespace stream::rtp;
using namespace std::chrono_literals;
using rtp_media::Vector;

namespace {

struct Wire {
  std::vector<uint8_t> bytes;
  Nanoseconds at{0};
};

// `count` units of a codec, a key frame each `distance`, 33 ms apart, from sequence numbers and
// timestamps that soon wrap.
struct Source {
  explicit Source(std::string name, SenderOptions options = {})
      : codec(std::move(name)), sender(fill(options)) {}
  static SenderOptions fill(SenderOptions options) {
    options.first_sequence = 65500;
    options.payload_type = 96;
    options.ssrc = 5;
    return options;
  }
  std::string codec;
  Sender sender;
  std::vector<Vector> units;
  std::vector<bool> keys;
  uint32_t timestamp = 0xffffff00;

  std::vector<Wire> make(int count, int distance) {
    std::vector<Wire> out;
    const auto packetiser = make_packetiser(codec, rtp_media::config_of(codec));
    for (int i = 0; i < count; ++i, timestamp += 3000) {
      const bool key = i % distance == 0;
      units.push_back(rtp_media::unit_of(codec, key, key ? 5000 : 1500, static_cast<unsigned>(i)));
      keys.push_back(key);
      const auto payloads =
          std::make_shared<const Payloads>(packetiser->packetise(units.back(), key));
      for (size_t k = 0; k < payloads->size(); ++k) {
        Wire wire;
        wire.at = i * 33ms;
        sender.send(payloads, k, timestamp, wire.at, wire.bytes);
        out.push_back(std::move(wire));
      }
    }
    return out;
  }
};

std::vector<Receiver::Unit> drain(Receiver& receiver) {
  std::vector<Receiver::Unit> out;
  while (auto unit = receiver.next()) out.push_back(std::move(*unit));
  return out;
}

}  // namespace

TEST_CASE("in order, over the wraps of both numbers") {
  Source source("h264");
  Receiver receiver({"h264"});
  CHECK(receiver.wants_key_frame());
  std::vector<Receiver::Unit> out;
  for (const Wire& wire : source.make(60, 30)) {
    receiver.receive(*parse_packet(wire.bytes), wire.at);
    for (auto& unit : drain(receiver)) out.push_back(std::move(unit));
  }
  REQUIRE(out.size() == 60);
  for (size_t i = 0; i < out.size(); ++i) {
    CHECK(Vector(out[i].data.begin(), out[i].data.end()) == source.units[i]);
    CHECK(out[i].time == int64_t{0xffffff00} + static_cast<int64_t>(i) * 3000);
    CHECK_FALSE(out[i].discontinuity);
  }
  CHECK_FALSE(receiver.wants_key_frame());
  const auto block = receiver.report(2s);
  REQUIRE(block);
  CHECK(block->lost == 0);
  CHECK(block->highest_sequence > 65536);
}

TEST_CASE(
    "I22: reordered, doubled and lost packets: what comes out is whole, in order and decodable") {
  for (const std::string codec : rtp_media::kCodecs) {
    for (unsigned seed = 1; seed <= 12; ++seed) {
      CAPTURE(codec);
      CAPTURE(seed);
      std::mt19937 random(seed);
      Source source(codec);
      auto wires = source.make(120, 20);
      std::vector<Wire> arrived;
      for (const Wire& wire : wires) {
        if (random() % 100 < 3) continue;
        Wire copy = wire;
        copy.at += std::chrono::milliseconds(random() % 60);
        arrived.push_back(copy);
        if (random() % 100 < 5) arrived.push_back(copy);
      }
      std::stable_sort(arrived.begin(), arrived.end(),
                       [](auto& a, auto& b) { return a.at < b.at; });
      ReceiverOptions options{codec};
      options.nack = false;
      Receiver receiver(options);
      std::vector<Receiver::Unit> out;
      for (const Wire& wire : arrived) {
        receiver.receive(*parse_packet(wire.bytes), wire.at);
        for (auto& unit : drain(receiver)) out.push_back(std::move(unit));
      }
      receiver.tick(60s);
      for (auto& unit : drain(receiver)) out.push_back(std::move(unit));
      CHECK(out.size() > 10);
      size_t at = 0;
      bool first = true;
      for (const auto& unit : out) {
        const Vector data(unit.data.begin(), unit.data.end());
        const size_t found = static_cast<size_t>(
            std::find(source.units.begin() + static_cast<ptrdiff_t>(at), source.units.end(), data) -
            source.units.begin());
        REQUIRE(found < source.units.size());
        // Whatever follows a hole begins at a key frame and says so.
        if (!first && found != at && codec != "opus") CHECK((unit.key && unit.discontinuity));
        if (first && codec != "opus") CHECK(unit.key);
        first = false;
        at = found + 1;
      }
    }
  }
}

TEST_CASE("NACK: asked for at once, a bounded number of times, answered by RTX") {
  SenderOptions rtx;
  rtx.rtx_payload_type = 97;
  rtx.rtx_ssrc = 6;
  Source source("vp8", rtx);
  const auto wires = source.make(20, 20);
  Receiver receiver({"vp8"});
  std::vector<Receiver::Unit> out;
  std::vector<uint8_t> again;
  for (size_t i = 0; i < wires.size(); ++i) {
    if (i % 7 == 3) continue;
    const Nanoseconds now = wires[i].at;
    receiver.receive(*parse_packet(wires[i].bytes), now);
    for (const uint16_t sequence : receiver.nacks(now)) {
      if (!source.sender.resend(sequence, now + 1ms, again)) continue;
      const auto packet = parse_packet(again);
      CHECK(packet->ssrc == 6);
      CHECK(packet->payload_type == 97);
      receiver.receive_rtx(*packet, now + 30ms);
    }
    for (auto& unit : drain(receiver)) out.push_back(std::move(unit));
  }
  CHECK(out.size() == 20);
  CHECK(receiver.stats().recovered > 3);
  CHECK(receiver.stats().lost == 0);

  SUBCASE("and then given up") {
    Source other("vp8");
    const auto more = other.make(30, 10);
    Receiver second({"vp8"});
    size_t asked = 0;
    for (size_t i = 0; i < 12; ++i)
      if (i != 7) second.receive(*parse_packet(more[i].bytes), 0ms);
    for (Nanoseconds now = 0ms; now < 1s; now += 1ms) {
      asked += second.nacks(now).size();
      const auto deadline = second.deadline();
      if (deadline && *deadline <= now) second.tick(now);
    }
    CHECK(asked == 10);
    CHECK(second.stats().lost == 1);
    CHECK(second.wants_key_frame());
    CHECK_FALSE(second.deadline());
  }
}

TEST_CASE("bounds") {
  ReceiverOptions options{"opus", 48000};
  options.max_packets = 50;
  Receiver receiver(options);
  Packet packet;
  const Vector payload(100, 1);
  packet.payload = payload;
  SUBCASE("packets behind a hole") {
    for (int i = 0; i < 300; ++i) {
      packet.sequence = static_cast<uint16_t>(i * 2);
      receiver.receive(packet, 0ms);
      CHECK(receiver.stats().buffered <= 50);
      CHECK(receiver.nacks(1s).size() <= 128);
    }
  }
  SUBCASE("a jump is believed when it comes twice in a row") {
    packet.sequence = 100;
    receiver.receive(packet, 0ms);
    packet.sequence = 40000;
    receiver.receive(packet, 1ms);
    CHECK(drain(receiver).size() == 1);
    packet.sequence = 101;
    receiver.receive(packet, 2ms);
    CHECK(drain(receiver).size() == 1);
    packet.sequence = 50000;
    receiver.receive(packet, 3ms);
    packet.sequence = 50001;
    receiver.receive(packet, 4ms);
    const auto out = drain(receiver);
    REQUIRE(out.size() == 1);
    CHECK(out[0].discontinuity);
  }
  SUBCASE("retransmissions before anything else, too short, and of long ago") {
    receiver.receive_rtx(packet, 0ms);
    CHECK(drain(receiver).empty());
    packet.sequence = 100;
    receiver.receive(packet, 0ms);
    const Vector tiny{0};
    packet.payload = tiny;
    receiver.receive_rtx(packet, 0ms);
    const Vector old{0, 5, 1, 2};
    packet.payload = old;
    receiver.receive_rtx(packet, 0ms);
    CHECK(drain(receiver).size() == 1);
  }
}

TEST_CASE("latency comes back after loss (I23)") {
  Source source("h264");
  Receiver receiver({"h264"});
  std::mt19937 random(7);
  Nanoseconds worst{0};
  for (const Wire& wire : source.make(900, 30)) {
    const bool bad = wire.at < 10s;
    if (bad && random() % 5 == 0) continue;
    receiver.receive(*parse_packet(wire.bytes), wire.at);
    receiver.nacks(wire.at);
    for (const auto& unit : drain(receiver))
      if (wire.at > 12s) worst = std::max(worst, wire.at - unit.arrived);
  }
  CHECK(worst == 0ms);
  CHECK(receiver.stats().lost > 100);
}

TEST_CASE("a report of loss") {
  Receiver receiver({"opus", 48000});
  CHECK_FALSE(receiver.report(0s));
  Packet packet;
  const Vector payload(10, 1);
  packet.payload = payload;
  for (int i = 0; i < 100; ++i) {
    packet.sequence = static_cast<uint16_t>(i);
    if (i % 4 != 1) receiver.receive(packet, i * 20ms);
    packet.timestamp += 960;
  }
  SenderReport sr;
  sr.ntp = 0x1111222233334444;
  receiver.sender_report(sr, 1s);
  const auto block = receiver.report(2s);
  REQUIRE(block);
  CHECK(block->lost == 25);
  CHECK(block->fraction_lost == 64);
  CHECK(block->jitter < 10);
  CHECK(block->last_report == 0x22223333);
  CHECK(block->delay_since_report == 65536);
  CHECK(receiver.report(3s)->fraction_lost == 0);
}
