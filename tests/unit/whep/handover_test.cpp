#include "whep/handover.h"

#include <doctest/doctest.h>

#include <string>

using namespace std::chrono_literals;
using namespace stream;
using whep::Handover;

namespace {

// Pictures of two rungs on one clock; every tenth is a key frame. What goes out is noted as "a3"
// for the third of the rung that is shown at first, "b3" for the other's.
struct Stage {
  Handover handover;
  Nanoseconds now{0};
  std::string out;
  bool over = false;
  uint32_t base = 0xffffff00;  // it wraps

  whep::UnitPtr unit(int n, bool other) const {
    auto made = std::make_shared<whep::Unit>();
    made->video = true;
    made->key = n % 10 == 0;
    made->timestamp = base + static_cast<uint32_t>(n) * 3600;
    made->payloads = std::make_shared<const rtp::Payloads>(other ? 2 : 1);
    return made;
  }
  void note(const Handover::Units& units) {
    for (const auto& one : units)
      out += (one->payloads->size() == 2 ? "b" : "a") +
             std::to_string(static_cast<int32_t>(one->timestamp - base) / 3600) + " ";
  }
  void a(int n) {
    Handover::Units units;
    over |= handover.shown(unit(n, false), now, units);
    note(units);
  }
  void b(int n) {
    Handover::Units units;
    over |= handover.other(unit(n, true), now, units);
    note(units);
  }
  void want() {
    Handover::Units units;
    handover.want(units);
    note(units);
  }
};

}  // namespace

TEST_CASE("a rung is left at a key frame, without a picture missing or coming twice") {
  Stage s;
  s.a(7);
  s.b(7);
  CHECK(s.out == "a7 ");
  s.want();
  s.out.clear();
  SUBCASE("both come together") {
    for (const int n : {8, 9, 10}) {
      s.a(n);
      s.b(n);
    }
    CHECK(s.out == "a8 a9 b10 ");
    CHECK(s.over);
  }
  SUBCASE("the other comes first") {
    for (const int n : {8, 9, 10, 11}) s.b(n);
    for (const int n : {8, 9}) s.a(n);
    CHECK(s.out == "a8 a9 ");
    CHECK_FALSE(s.over);
    s.a(10);
    CHECK(s.out == "a8 a9 b10 b11 ");
    CHECK(s.over);
  }
  SUBCASE("the other comes last") {
    for (const int n : {8, 9, 10, 11, 12}) s.a(n);
    CHECK(s.out == "a8 a9 ");
    for (const int n : {8, 9}) s.b(n);
    CHECK(s.out == "a8 a9 ");
    s.b(10);
    CHECK(s.out == "a8 a9 b10 ");
    CHECK(s.over);
  }
  SUBCASE("the other does not come: what was held is shown, and it is given up") {
    s.a(8);
    s.a(9);
    s.a(10);
    s.now = 999ms;
    s.a(11);
    CHECK(s.out == "a8 a9 ");
    s.now = 1s;
    s.a(12);
    s.a(13);
    CHECK(s.out == "a8 a9 a10 a11 a12 a13 ");
    CHECK_FALSE(s.handover.wanted());
    s.b(10);  // too late
    s.want();
    s.b(10);
    s.b(19);
    s.b(20);
    s.a(19);
    CHECK_FALSE(s.over);
    s.a(20);
    CHECK(s.over);
    CHECK(s.out == "a8 a9 a10 a11 a12 a13 a19 b20 ");
  }
  SUBCASE("the one that is shown stops: the other goes on without it") {
    s.a(8);
    s.b(10);
    s.now = 499ms;
    s.b(11);
    CHECK_FALSE(s.over);
    s.now = 500ms;
    s.b(12);
    CHECK(s.over);
    CHECK(s.out == "a8 b10 b11 b12 ");
  }
  SUBCASE("their key frames differ: what was held comes before") {
    for (const int n : {8, 9, 10, 11}) s.a(n);
    s.b(20);
    CHECK(s.out == "a8 a9 a10 a11 ");
    s.a(12);
    s.a(20);
    CHECK(s.out == "a8 a9 a10 a11 a12 b20 ");
  }
  SUBCASE("it stays") {
    for (const int n : {8, 9, 10}) s.a(n);
    Handover::Units units;
    s.handover.stay(units);
    s.note(units);
    s.b(10);
    s.a(11);
    CHECK(s.out == "a8 a9 a10 a11 ");
  }
  SUBCASE("a wish anew, and a new beginning from a cache") {
    for (const int n : {8, 9, 10}) s.a(n);
    s.want();
    CHECK(s.out == "a8 a9 a10 ");
    s.b(10);
    CHECK_FALSE(s.over);
    for (int n = 11; n < 21; ++n) s.a(n);
    s.out.clear();
    s.handover.begun(s.unit(20, false)->timestamp);  // 20 was held, and is sent otherwise
    s.b(20);
    s.a(21);
    CHECK(s.out == "a21 ");
    s.a(30);
    s.b(30);
    CHECK(s.out == "a21 b30 ");
  }
  SUBCASE("what is not wanted is not looked at") {
    Stage other;
    other.b(10);
    other.a(10);
    CHECK(other.out == "a10 ");
  }
}
