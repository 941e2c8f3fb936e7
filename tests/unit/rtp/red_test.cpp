#include "rtp/red.h"

#include <doctest/doctest.h>

#include <vector>

#include "rtp/receiver.h"

using namespace stream;
using namespace stream::rtp;
using namespace std::chrono_literals;

namespace {

using Vector = std::vector<uint8_t>;

// Sound `n` of a stream of 20 ms each.
Vector sound(int n) {
  return Vector(static_cast<size_t>(20 + n % 7), static_cast<uint8_t>(n));
}

// Packet `n` as Chrome sends it: the `depth` before it, and itself.
Vector redundant(int n, int depth) {
  Vector out;
  for (int back = std::min(depth, n); back > 0; --back) {
    const auto offset = static_cast<unsigned>(back * 960);
    const size_t size = sound(n - back).size();
    out.insert(out.end(), {0x80 | 111, static_cast<uint8_t>(offset >> 6),
                           static_cast<uint8_t>((offset & 63) << 2 | size >> 8),
                           static_cast<uint8_t>(size & 255)});
  }
  out.push_back(111);
  for (int back = std::min(depth, n); back >= 0; --back) {
    const Vector one = sound(n - back);
    out.insert(out.end(), one.begin(), one.end());
  }
  return out;
}

Packet packet_of(int n, const Vector& payload) {
  Packet packet;
  packet.payload_type = 63;
  packet.sequence = static_cast<uint16_t>(65530 + n);
  packet.timestamp = static_cast<uint32_t>(0xffffff00u + static_cast<unsigned>(n) * 960);
  packet.ssrc = 9;
  packet.payload = payload;
  return packet;
}

}  // namespace

TEST_CASE("RED: the packets before it and its own") {
  const Vector payload = redundant(5, 2);
  const auto red = parse_red(packet_of(5, payload));
  REQUIRE(red);
  CHECK(red->count == 2);
  CHECK(red->own.payload_type == 111);
  CHECK(Vector(red->own.payload.begin(), red->own.payload.end()) == sound(5));
  for (size_t i = 0; i < 2; ++i) {
    const int n = 3 + static_cast<int>(i);
    const Packet& spare = red->spares[i];
    CHECK(Vector(spare.payload.begin(), spare.payload.end()) == sound(n));
    CHECK(spare.timestamp == packet_of(n, {}).timestamp);
    CHECK(spare.sequence == packet_of(n, {}).sequence);
  }
}

TEST_CASE("RED: nothing is read past the end, and no other codec taken") {
  const Vector whole = redundant(9, 4);
  const size_t own = sound(9).size();
  for (size_t size = 0; size < whole.size(); ++size) {
    const Vector cut(whole.begin(), whole.begin() + static_cast<long>(size));
    CHECK(parse_red(packet_of(9, cut)).has_value() == (size >= whole.size() - own));
  }
  CHECK_FALSE(parse_red(packet_of(9, redundant(9, 5))));
  Vector other = whole;
  other[0] = 0x80 | 110;
  CHECK_FALSE(parse_red(packet_of(9, other)));
}

TEST_CASE("RED: what is lost alone comes with the next packet") {
  ReceiverOptions options;
  options.codec = "opus";
  options.clock_rate = 48000;
  options.nack = false;
  options.hold = 15ms;
  Receiver receiver(options);
  std::vector<int> heard;
  int holes = 0;
  constexpr int kCount = 400;
  const auto lost = [](int n) { return n % 7 == 3 || n == 100 || n == 101; };
  for (int n = 0; n < kCount; ++n) {
    const Nanoseconds now = n * 20ms;
    receiver.tick(now);
    if (lost(n)) continue;
    const Vector payload = redundant(n, 1);
    receiver.receive_red(packet_of(n, payload), 111, now);
    receiver.tick(now + 16ms);
    while (const auto unit = receiver.next()) {
      REQUIRE(unit->data.size() > 0);
      heard.push_back(unit->data.data()[0] + (n >= 256 ? 256 : 0));
      holes += unit->discontinuity;
      // With the packet after it, not later.
      CHECK(unit->arrived == now);
    }
  }
  CHECK(holes == 1);  // 100 and 101 at once: the first of the two is gone
  CHECK(heard.size() == kCount - 1);
  const ReceiverStats stats = receiver.stats();
  CHECK(stats.lost == 1);
  CHECK(stats.late == 0);
  CHECK(stats.duplicates == 0);
  // The peer hears of the loss all the same.
  const auto report = receiver.report(kCount * 20ms);
  REQUIRE(report);
  CHECK(report->lost == static_cast<int32_t>(stats.recovered) + 1);
}
