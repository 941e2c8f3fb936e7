#include "rtp/sender.h"

#include <doctest/doctest.h>

#include "rtp/packet.h"

using namespace stream;
using namespace stream::rtp;
using namespace std::chrono_literals;

namespace {

std::shared_ptr<const Payloads> unit(size_t size, uint8_t fill) {
  return std::make_shared<const Payloads>(
      Payloads{{Buffer::copy(std::vector<uint8_t>(size, fill)), true}});
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
    sender.send(unit(100, static_cast<uint8_t>(i)), 0, 3000u * static_cast<uint32_t>(i), 0s, out);
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
  sender.send(unit(1, 1), 0, 0, 10s, out);
  CHECK_FALSE(sender.resend(10, 10s, out));  // too old
}

TEST_CASE("every packet of units of several payloads is found") {
  SenderOptions options;
  options.payload_type = 96;
  options.first_sequence = 65000;
  options.history_packets = 500;
  Sender sender(options);
  std::vector<uint8_t> out;
  std::vector<std::vector<uint8_t>> all;
  for (uint32_t n = 0; n < 300; ++n) {
    Payloads payloads;
    for (uint32_t i = 0; i <= n % 7; ++i)
      payloads.push_back({Buffer::copy(std::vector<uint8_t>{uint8_t(n), uint8_t(i)}), i == n % 7});
    const auto made = std::make_shared<const Payloads>(std::move(payloads));
    for (size_t i = 0; i < made->size(); ++i) {
      sender.send(made, i, n * 3000, 0s, out);
      all.push_back(out);
    }
    // The same once more, as to who begins anew.
    sender.send(made, 0, n * 3000 + 1, 0s, out);
    all.push_back(out);
  }
  size_t found = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (!sender.resend(static_cast<uint16_t>(65000 + i), 1s, out)) continue;
    CHECK(out == all[i]);
    ++found;
  }
  CHECK(found >= 500);
  CHECK(found < 510);
  CHECK_FALSE(sender.resend(static_cast<uint16_t>(65000 + all.size()), 1s, out));
  CHECK_FALSE(sender.resend(64999, 1s, out));
}

TEST_CASE("no history, no answers") {
  SenderOptions options;
  options.history_packets = 0;
  Sender sender(options);
  std::vector<uint8_t> out;
  sender.send(unit(100, 1), 0, 0, 0s, out);
  CHECK_FALSE(sender.resend(0, 0s, out));
}

TEST_CASE("no peer makes us send much more than the stream") {
  SenderOptions options;
  Sender sender(options);
  std::vector<uint8_t> out;
  size_t sent = 0, again = 0;
  Nanoseconds now{0};
  for (int i = 0; i < 1000; ++i, now += 1ms) {
    sender.send(unit(1000, 1), 0, 0, now, out);
    sent += out.size();
    for (int back = 0; back < 100; ++back)
      if (sender.resend(static_cast<uint16_t>(i - back), now, out)) again += out.size();
  }
  CHECK(again > sent / 3);
  CHECK(again < sent / 2 + (257 << 10));
}

TEST_CASE("reports") {
  SenderOptions options;
  options.ssrc = 9;
  Sender sender(options);
  std::vector<uint8_t> out;
  sender.send(unit(100, 1), 0, 0, 0s, out);
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

TEST_CASE("on a way that loses packets the viewer is told to hold pictures while answers come") {
  SenderOptions options;
  options.ssrc = 9;
  options.payload_type = 96;
  options.rtx_payload_type = 97;
  options.rtx_ssrc = 10;
  SUBCASE("agreed") {
    options.playout_delay_extension = 6;
  }
  SUBCASE("not agreed") {}
  Sender sender(options);
  std::vector<uint8_t> out;
  const auto told = [&] {  // in 10 ms
    const auto packet = parse_packet(out);
    REQUIRE(packet);
    const auto value = packet->extension(6);
    return value ? (*value)[0] << 4 | (*value)[1] >> 4 : -1;
  };
  const bool agreed = options.playout_delay_extension != 0;
  sender.send(unit(100, 1), 0, 0, 0s, out);
  CHECK(told() == (agreed ? 10 : -1));  // until more is known

  ReportBlock block;
  block.ssrc = 9;
  Nanoseconds now = 1s;
  const auto report = [&](int lost) {
    now += 1s;
    block.highest_sequence += 100;
    block.lost += lost;
    block.last_report = ntp_middle(ntp_time(1'700'000'000'000'000'000));
    CHECK(sender.read(block, now, 1'700'000'000'050'000'000));  // a round trip of 50 ms
  };
  sender.read(block, now, 0);
  CHECK(sender.hold() == 100ms);
  report(0);
  CHECK(sender.hold() == 0ms);
  sender.send(unit(100, 2), 0, 0, now, out);
  CHECK(told() == (agreed ? 0 : -1));
  sender.hold_at_least(70ms);  // the source is as uneven
  sender.send(unit(100, 2), 0, 0, now, out);
  CHECK(told() == (agreed ? 7 : -1));
  sender.hold_at_least(0ms);
  report(5);
  CHECK(sender.hold() >= 140ms);
  CHECK(sender.hold() <= 160ms);
  sender.send(unit(100, 2), 0, 0, now, out);
  CHECK(told() == (agreed ? static_cast<int>(sender.hold() / 10ms) : -1));
  CHECK(parse_packet(out)->payload.size() == 100);
  REQUIRE(sender.resend(1, now, out));
  CHECK(told() == (agreed ? static_cast<int>(sender.hold() / 10ms) : -1));
  CHECK(parse_packet(out)->payload.size() == 102);
  CHECK(parse_packet(out)->payload[1] == 1);
  CHECK_FALSE(sender.resend(1, now, out));
  CHECK(sender.resend(1, now, out, true));  // its copy
  CHECK(parse_packet(out)->sequence == 1);
  CHECK(parse_packet(out)->payload[2] == 2);

  for (int i = 0; i < 30; ++i) report(0);
  CHECK(sender.hold() > 0ms);  // it may come again
  report(0);
  CHECK(sender.hold() == 0ms);
  sender.send(unit(100, 3), 0, 0, now, out);
  CHECK(told() == (agreed ? 0 : -1));
}

TEST_CASE("what a player asks for tells of loss long before a report of a whole span does") {
  SenderOptions options;
  options.ssrc = 9;
  options.playout_delay_extension = 6;
  Sender sender(options);
  std::vector<uint8_t> out;
  for (int i = 0; i < 200; ++i) sender.send(unit(100, 1), 0, 0, 0s, out);
  CHECK(sender.resend(3, 10ms, out));
  CHECK(sender.resend(9, 20ms, out));
  CHECK_FALSE(sender.resend(9, 25ms, out));  // the same request, or one that was on its way
  CHECK(sender.hold() == 100ms);
  SUBCASE("before the round trip is known, and once it is") {
    CHECK(sender.resend(40, 30ms, out));
    CHECK(parse_packet(out)->payload.size() == 100);
    CHECK(sender.hold() == 200ms);
    sender.send(unit(100, 1), 0, 0, 40ms, out);
    CHECK(parse_packet(out)->extension(6));
    ReportBlock block;
    block.ssrc = 9;
    block.last_report = ntp_middle(ntp_time(1'700'000'000'000'000'000));
    sender.read(block, 50ms, 1'700'000'000'020'000'000);
    CHECK(sender.resend(50, 60ms, out));
    CHECK(sender.hold() < 125ms);
  }
  SUBCASE("a few of many are no loss to speak of") {
    for (int i = 0; i < 200; ++i) sender.send(unit(100, 1), 0, 0, 1s, out);
    CHECK(sender.resend(250, 1s, out));
    CHECK(sender.hold() == 100ms);
  }
}

TEST_CASE("what a socket lost of a group of pictures comes again at once, but not without end") {
  Sender sender({});
  std::vector<uint8_t> out;
  for (int i = 0; i < 600; ++i) sender.send(unit(1000, 1), 0, 0, 0s, out);
  int answers = 0, copies = 0;
  for (uint16_t i = 0; i < 150; ++i) answers += sender.resend(i, 100ms, out);
  CHECK(answers == 150);
  for (uint16_t i = 0; i < 150; ++i) copies += sender.resend(i, 110ms, out, true);
  CHECK(copies == 0);  // there is too little left
  for (uint16_t i = 150; i < 600; ++i) answers += sender.resend(i, 120ms, out);
  CHECK(answers > 200);
  CHECK(answers < 300);
}

// A viewer behind 5 % of loss each way and a round trip of 50 ms, in virtual time: how long it
// takes until a lost packet is there, when the player asks each 100 ms.
TEST_CASE("an answer that is lost too seldom costs a round of asking") {
  const auto late_share = [](bool copies) {
    SenderOptions options;
    options.ssrc = 9;
    options.rtx_payload_type = 97;
    Sender sender(options);
    uint32_t seed = 1;
    const auto lost = [&] { return (seed = seed * 1664525 + 1013904223) >> 8 < (1u << 24) / 20; };
    std::vector<uint8_t> out;
    int gone = 0, late = 0;
    Nanoseconds now{0};
    for (uint16_t i = 0; i < 60000; ++i, now += 10ms) {
      sender.send(unit(1000, 1), 0, 0, now, out);
      if (!lost()) continue;
      ++gone;
      const bool asked = !lost();
      bool answered = asked && sender.resend(i, now + 45ms, out) && !lost();
      if (asked && copies) answered |= sender.resend(i, now + 55ms, out, true) && !lost();
      late += !answered;
    }
    return static_cast<double>(late) / gone;
  };
  CHECK(late_share(false) > 0.08);
  CHECK(late_share(true) < 0.065);  // the requests that are lost
}

TEST_CASE("players that estimate get the time of sending, also of what is sent again") {
  SenderOptions options;
  options.ssrc = 9;
  options.payload_type = 96;
  options.send_time_extension = 2;
  options.playout_delay_extension = 6;
  Sender sender(options);
  std::vector<uint8_t> out;
  const auto told = [&] {
    const auto packet = parse_packet(out);
    REQUIRE(packet);
    CHECK(packet->payload.size() == 100);
    const auto value = packet->extension(2);
    REQUIRE(value);
    REQUIRE(value->size() == 3);
    return (*value)[0] << 16 | (*value)[1] << 8 | (*value)[2];
  };
  sender.send(unit(100, 1), 0, 0, 1500ms, out);  // 6.18 bits of seconds
  CHECK(told() == 3 << 17);
  sender.send(unit(100, 2), 0, 0, 65s, out);  // each 64 s it is 0 again
  CHECK(told() == 1 << 18);
  REQUIRE(sender.resend(1, 66s, out));
  CHECK(told() == 2 << 18);
  // Both extensions.
  ReportBlock block;
  block.ssrc = 9;
  for (int i = 0; i < 3; ++i) {
    block.highest_sequence += 100;
    block.lost += 10;
    sender.read(block, 70s + i * 1s, 0);
  }
  sender.send(unit(100, 3), 0, 0, 80s, out);
  CHECK(told() == 16 << 18);
  CHECK(parse_packet(out)->extension(6));
}
