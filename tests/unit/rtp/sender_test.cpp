#include "rtp/sender.h"

#include <doctest/doctest.h>

#include "rtp/packet.h"

using namespace stream;
using namespace stream::rtp;
using namespace std::chrono_literals;

namespace {

Payload payload(size_t size, uint8_t fill) {
  return {Buffer::copy(std::vector<uint8_t>(size, fill)), true};
}

}  // namespace

TEST_CASE("numbers, history and its bounds") {
  SenderOptions options;
  options.ssrc = 9;
  options.payload_type = 96;
  options.first_sequence = 65530;
  options.history_packets = 20;
  Sender sender(options);
  std::vector<uint8_t> out;
  CHECK_FALSE(sender.resend(65529, 0s, out));
  for (int i = 0; i < 30; ++i) {
    sender.send(payload(100, static_cast<uint8_t>(i)), 3000u * static_cast<uint32_t>(i), 0s, out);
    CHECK(parse_packet(out)->sequence == static_cast<uint16_t>(65530 + i));
  }
  CHECK_FALSE(sender.resend(65530, 1s, out));
  CHECK_FALSE(sender.resend(24, 1s, out));  // not sent yet
  REQUIRE(sender.resend(10, 1s, out));
  const auto packet = parse_packet(out);
  CHECK(packet->sequence == 10);
  CHECK(packet->ssrc == 9);
  CHECK(packet->payload[0] == 16);
  CHECK(packet->timestamp == 48000);
  CHECK_FALSE(sender.resend(10, 1s + 10ms, out));  // answered a moment ago
  CHECK(sender.resend(10, 1s + 40ms, out));
  sender.send(payload(1, 1), 0, 10s, out);
  CHECK_FALSE(sender.resend(10, 10s, out));  // too old
}

TEST_CASE("no peer makes us send much more than the stream") {
  SenderOptions options;
  Sender sender(options);
  std::vector<uint8_t> out;
  size_t sent = 0, again = 0;
  Nanoseconds now{0};
  for (int i = 0; i < 1000; ++i, now += 1ms) {
    sender.send(payload(1000, 1), 0, now, out);
    sent += out.size();
    for (int back = 0; back < 100; ++back)
      if (sender.resend(static_cast<uint16_t>(i - back), now, out)) again += out.size();
  }
  CHECK(again > sent / 3);
  CHECK(again < sent / 2 + (65 << 10));
}

TEST_CASE("reports") {
  SenderOptions options;
  options.ssrc = 9;
  Sender sender(options);
  std::vector<uint8_t> out;
  sender.send(payload(100, 1), 0, 0s, out);
  const int64_t wall = 1'700'000'000'000'000'000;
  const SenderReport report = sender.report(4711, wall);
  CHECK(report.packets == 1);
  CHECK(report.bytes == 100);
  ReportBlock block;
  block.ssrc = 8;
  block.last_report = ntp_middle(report.ntp);
  block.delay_since_report = 65536 / 2;
  CHECK_FALSE(sender.read(block, 0s, wall + 550'000'000));
  CHECK_FALSE(sender.round_trip());
  block.ssrc = 9;
  CHECK_FALSE(sender.read(block, 0s, wall + 550'000'000));
  REQUIRE(sender.round_trip());
  CHECK(std::chrono::abs(*sender.round_trip() - 50ms) < 1ms);
  block.delay_since_report = 65536;  // more than has passed
  CHECK_FALSE(sender.read(block, 0s, wall + 550'000'000));
  CHECK(std::chrono::abs(*sender.round_trip() - 50ms) < 1ms);
}

// A player reports with each NACK, so a block may be of three packets of which one is lost.
TEST_CASE("loss is measured over a second and enough packets, not by single reports") {
  SenderOptions options;
  options.ssrc = 9;
  Sender sender(options);
  ReportBlock block;
  block.ssrc = 9;
  block.highest_sequence = 65000;
  Nanoseconds now = 5s;
  CHECK_FALSE(sender.read(block, now, 0));
  int measured = 0;
  for (int i = 1; i <= 200; ++i) {  // 100 packets a second, 5 of them lost, a report for each two
    now += 20ms;
    block.highest_sequence += 2;
    block.lost += i % 10 == 0;
    block.fraction_lost = i % 10 == 0 ? 128 : 0;
    measured += sender.read(block, now, 0);
    CHECK(sender.loss() <= 0.06);
  }
  CHECK(measured == 4);
  CHECK(sender.loss() == doctest::Approx(0.05));
  CHECK(sender.lost() == 20);

  SUBCASE("few packets take longer") {
    for (int i = 0; i < 19; ++i) {
      now += 1s;
      ++block.highest_sequence;
      CHECK_FALSE(sender.read(block, now, 0));
    }
    ++block.highest_sequence;
    CHECK(sender.read(block, now + 1s, 0));
    CHECK(sender.loss() == 0);
  }
  SUBCASE("what comes twice makes no negative loss") {
    block.highest_sequence += 100;
    block.lost -= 50;
    CHECK(sender.read(block, now + 1s, 0));
    CHECK(sender.loss() == 0);
  }
  SUBCASE("a receiver that began anew") {
    block.highest_sequence = 10;
    block.lost = 0;
    CHECK_FALSE(sender.read(block, now + 1s, 0));
    block.highest_sequence = 110;
    block.lost = 50;
    CHECK(sender.read(block, now + 2s, 0));
    CHECK(sender.loss() == 0.5);
  }
}
