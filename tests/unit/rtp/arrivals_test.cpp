#include "rtp/arrivals.h"

#include <doctest/doctest.h>

#include "rtp/transport_feedback.h"
#include "unit/codec/records.h"

using namespace stream;
using namespace stream::rtp;
using namespace std::chrono_literals;
using Deltas = std::vector<std::optional<int16_t>>;

namespace {

TransportFeedback read(Bytes bytes) {
  const auto packets = parse_rtcp(bytes);
  REQUIRE(packets.size() == 1);
  return std::get<TransportFeedback>(packets[0]);
}

std::vector<uint8_t> written(const TransportFeedback& feedback) {
  ByteWriter out;
  write_rtcp(out, feedback);
  return out.take();
}

}  // namespace

TEST_CASE("feedback of every shape is read as it was written, and not when it is cut") {
  std::vector<Deltas> shapes;
  shapes.push_back({5});
  shapes.push_back(Deltas(40, 4));                           // one run
  shapes.push_back({1, {}, 1, {}, 1, {}, 1, {}, 1, {}, 1});  // one bit each
  shapes.push_back({1, {}, 300, {}, -1, INT16_MIN, INT16_MAX, 0, {}, {}, 7});
  Deltas mixed;
  for (int i = 0; i < 500; ++i)
    mixed.push_back(i % 11 == 0   ? std::nullopt
                    : i % 97 == 3 ? std::optional<int16_t>(1000)
                                  : std::optional<int16_t>(static_cast<int16_t>(i % 250)));
  mixed.insert(mixed.end(), 50, std::nullopt);
  shapes.push_back(mixed);
  for (const Deltas& deltas : shapes) {
    const auto bytes = written({1, 7, 65530, 200, 0xabcdef, deltas});
    CHECK(bytes.size() % 4 == 0);
    const auto back = read(bytes);
    CHECK(back.sender == 1);
    CHECK(back.media == 7);
    CHECK(back.base == 65530);
    CHECK(back.count == 200);
    CHECK(back.reference == 0xabcdef);
    CHECK(back.deltas == deltas);
    for (size_t n = 0; n < bytes.size(); ++n) {
      const std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(n));
      CHECK(parse_rtcp(cut).empty());
    }
    // The same with a length that is true, so that the body itself is too short.
    for (size_t words = 1; words < bytes.size() / 4; ++words) {
      std::vector<uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(4 * words));
      cut[2] = static_cast<uint8_t>((words - 1) >> 8);
      cut[3] = static_cast<uint8_t>(words - 1);
      CHECK(parse_rtcp(cut).empty());
    }
  }
}

TEST_CASE("the example of the draft's layout") {
  // Base 1, 3 packets, reference 2, count 4; a run of 2 small ones, then one that is missing.
  const auto bytes = records::hex("8fcd000600000001000000020001000300000204200200010a140000");
  const auto feedback = read(bytes);
  CHECK(feedback.base == 1);
  CHECK(feedback.reference == 2);
  CHECK(feedback.count == 4);
  CHECK(feedback.deltas == Deltas{10, 20, std::nullopt});
  // No packets, a run of none, a reserved symbol.
  for (const char* wrong : {"8fcd00050000000100000002000100000000020420020000",
                            "8fcd00050000000100000002000100030000020420002000",
                            "8fcd00050000000100000002000100030000020460030000"})
    CHECK(parse_rtcp(records::hex(wrong)).empty());
}

TEST_CASE("arrivals in order, with a hole, late, and over the wrap") {
  Arrivals arrivals;
  CHECK_FALSE(arrivals.feedback());
  const Nanoseconds begin = 640ms;
  arrivals.record(65534, begin + 1ms);
  arrivals.record(65535, begin + 2ms);
  arrivals.record(1, begin + 10ms);
  arrivals.record(1, begin + 11ms);  // once more
  auto feedback = arrivals.feedback();
  REQUIRE(feedback);
  CHECK(feedback->base == 65534);
  CHECK(feedback->reference == 10);
  CHECK(feedback->count == 0);
  CHECK(feedback->deltas == Deltas{4, 4, std::nullopt, 32});
  CHECK_FALSE(arrivals.feedback());
  // The hole is filled after all: said again, with what is around it.
  arrivals.record(0, begin + 20ms);
  feedback = arrivals.feedback();
  REQUIRE(feedback);
  CHECK(feedback->base == 0);
  CHECK(feedback->count == 1);
  CHECK(feedback->deltas == Deltas{80, -40});
  // What is next follows on, and what is missing between is said.
  arrivals.record(4, begin + 30ms);
  feedback = arrivals.feedback();
  REQUIRE(feedback);
  CHECK(feedback->base == 2);
  CHECK(feedback->deltas == Deltas{std::nullopt, std::nullopt, 120});
}

TEST_CASE("many, far apart and after a long time: bounded, nothing said twice") {
  Arrivals arrivals;
  size_t said = 0, largest = 0;
  const auto drain = [&] {
    while (auto feedback = arrivals.feedback()) {
      largest = std::max(largest, written(*feedback).size());
      for (const auto& delta : feedback->deltas) said += delta.has_value();
    }
  };
  for (int i = 0; i < 3000; ++i) arrivals.record(static_cast<uint16_t>(i), Nanoseconds(i * 40ms));
  drain();
  CHECK(said == 2048);  // the newest
  CHECK(largest <= 1100);
  said = 0;
  for (int i = 0; i < 3000; ++i)  // nineteen of twenty are lost
    arrivals.record(static_cast<uint16_t>(3000 + i * 20), Nanoseconds((3000 + i) * 40ms));
  drain();
  CHECK(said > 100);
  CHECK(said <= 103);
  CHECK(largest <= 1100);
  said = 0;
  arrivals.record(20'000, 1h);  // a jump of numbers and of time
  arrivals.record(20'001, 2h);
  drain();
  CHECK(said == 2);
}
