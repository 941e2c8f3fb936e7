#include "rtp/rtcp.h"

#include <doctest/doctest.h>

#include "unit/codec/records.h"

using namespace stream;
using namespace stream::rtp;
using records::hex;

namespace {

std::vector<uint8_t> compound() {
  ByteWriter out;
  const ReportBlock block{7, 128, -5, 0x10002, 90, 0x11112222, 0x3333};
  write_rtcp(out, SenderReport{1, 0x0102030405060708, 90000, 10, 1000, {block}});
  write_rtcp(out, ReceiverReport{2, {block, block}});
  write_rtcp(out, Description{1, "abcdef"});
  write_rtcp(out, Nack{1, 7, {65534, 65535, 0, 14, 15, 100}});
  write_rtcp(out, Pli{1, 7});
  write_rtcp(out, Fir{1, {{7, 3}}});
  write_rtcp(out, Remb{1, 3'000'000, {7, 8}});
  write_rtcp(out, TransportFeedback{1, 7, 65534, 9, 0xfedcba, {3, {}, 255, 256, -4}});
  write_rtcp(out, Bye{{1, 2}});
  return out.take();
}

}  // namespace

TEST_CASE("what is written is read") {
  const auto bytes = compound();
  CHECK(bytes.size() % 4 == 0);
  const auto packets = parse_rtcp(bytes);
  REQUIRE(packets.size() == 9);
  const auto& sr = std::get<SenderReport>(packets[0]);
  CHECK(sr.ntp == 0x0102030405060708);
  CHECK(sr.timestamp == 90000);
  CHECK(sr.blocks.at(0).lost == -5);
  CHECK(sr.blocks[0].fraction_lost == 128);
  CHECK(sr.blocks[0].delay_since_report == 0x3333);
  CHECK(std::get<ReceiverReport>(packets[1]).blocks.size() == 2);
  CHECK(std::get<Description>(packets[2]).cname == "abcdef");
  CHECK(std::get<Nack>(packets[3]).sequences ==
        std::vector<uint16_t>{65534, 65535, 0, 14, 15, 100});
  CHECK(std::get<Pli>(packets[4]).media == 7);
  CHECK(std::get<Fir>(packets[5]).entries.at(0).sequence == 3);
  CHECK(std::get<Remb>(packets[6]).bit_rate == 3'000'000);
  CHECK(std::get<Remb>(packets[6]).ssrcs.size() == 2);
  CHECK(std::get<TransportFeedback>(packets[7]).base == 65534);
  CHECK(std::get<Bye>(packets[8]).ssrcs.size() == 2);
}

TEST_CASE("cut at every length, and every byte spoilt (I25)") {
  const auto bytes = compound();
  size_t before = 0;
  for (size_t n = 0; n <= bytes.size(); ++n) {
    const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(n));
    const size_t count = parse_rtcp(cut).size();
    CHECK(count >= before);
    before = count;
  }
  CHECK(before == 9);
  for (size_t at = 0; at < bytes.size(); ++at) {
    auto spoilt = bytes;
    spoilt[at] ^= 0xff;
    CHECK(parse_rtcp(spoilt).size() <= 64);
  }
}

TEST_CASE("as others write it") {
  // Chromium's REMB of 1,230,000 bit/s for two sources.
  const auto remb =
      parse_rtcp(hex("8fce000600000001000000005245"
                     "4d42020e4b180000006f000000de"));
  REQUIRE(remb.size() == 1);
  CHECK(std::get<Remb>(remb[0]).bit_rate == uint64_t{0x24b18} << 3);
  // A reduced-size PLI, then a packet of a kind that is none of ours, then BYE with a reason.
  const auto mixed =
      parse_rtcp(hex("81ce00020000000100000007"
                     "80cf000100000001"
                     "81cb00020000000103627965"));
  REQUIRE(mixed.size() == 2);
  CHECK(std::get<Bye>(mixed[1]).ssrcs == std::vector<uint32_t>{1});
  CHECK(parse_rtcp(hex("0000000000000000")).empty());
}

TEST_CASE("ntp_time") {
  CHECK(ntp_time(0) == uint64_t{2208988800} << 32);
  CHECK(ntp_time(1'500'000'000) == ((uint64_t{2208988801} << 32) | 0x80000000));
  CHECK(ntp_middle(0x1111222233334444) == 0x22223333);
}
