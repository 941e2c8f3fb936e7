#include "base/time_zone.h"

#include <doctest/doctest.h>

#include <string>

#include "base/bytes.h"

using namespace stream;
using namespace std::chrono;

namespace {

using Changes = std::vector<std::pair<int64_t, uint8_t>>;

void block(ByteWriter& out, char version, const std::vector<int>& offsets, const Changes& changes,
           bool wide) {
  out.text("TZif");
  out.u8(static_cast<uint8_t>(version));
  out.zeros(15);
  for (const size_t n :
       {size_t{0}, size_t{0}, size_t{0}, changes.size(), offsets.size(), size_t{4}})
    out.u32(static_cast<uint32_t>(n));
  for (const auto& [at, type] : changes)
    wide ? out.u64(static_cast<uint64_t>(at)) : out.u32(static_cast<uint32_t>(at));
  for (const auto& [at, type] : changes) out.u8(type);
  for (const int offset : offsets) out.u32(static_cast<uint32_t>(offset)), out.u16(0);
  out.text(std::string_view("ABC\0", 4));
}

std::vector<uint8_t> file(const std::vector<int>& offsets, const Changes& changes,
                          const std::string& footer) {
  ByteWriter out;
  block(out, '2', {0}, {}, false);
  block(out, '2', offsets, changes, true);
  out.text("\n" + footer + "\n");
  return out.take();
}

TimeZone rules(const std::string& footer) {
  const auto zone = TimeZone::parse(file({0}, {}, footer));
  REQUIRE(zone);
  return *zone;
}

bool takes(const std::string& footer) {
  return TimeZone::parse(file({0}, {}, footer)).has_value();
}

sys_seconds utc(int y, unsigned m, unsigned d, seconds time = 0s) {
  return sys_seconds(sys_days(year(y) / month(m) / day(d))) + time;
}
local_seconds at(int y, unsigned m, unsigned d, seconds time = 0s) {
  return local_seconds(utc(y, m, d, time).time_since_epoch());
}

}  // namespace

TEST_CASE("the rules of a footer") {
  const TimeZone berlin = rules("CET-1CEST,M3.5.0,M10.5.0/3");
  CHECK(berlin.offset_at(utc(2027, 3, 28, 59min + 59s)) == 1h);
  CHECK(berlin.offset_at(utc(2027, 3, 28, 1h)) == 2h);
  CHECK(berlin.offset_at(utc(2027, 10, 31, 59min + 59s)) == 2h);
  CHECK(berlin.offset_at(utc(2027, 10, 31, 1h)) == 1h);
  CHECK(berlin.local(utc(2027, 7, 1)) == at(2027, 7, 1, 2h));

  SUBCASE("clocks that leap, and that show an hour twice") {
    CHECK(berlin.instant(at(2027, 3, 28, 1h + 59min)) == utc(2027, 3, 28, 59min));
    for (const seconds time : {seconds(2h), seconds(2h + 30min), seconds(3h)})
      CHECK(berlin.instant(at(2027, 3, 28, time)) == utc(2027, 3, 28, 1h));
    CHECK(berlin.instant(at(2027, 10, 31, 2h + 30min)) == utc(2027, 10, 31, 30min));
    CHECK(berlin.instant(at(2027, 10, 31, 3h)) == utc(2027, 10, 31, 2h));
  }
  SUBCASE("of all kinds") {
    CHECK(rules("<+0545>-5:45").offset_at(utc(2030, 1, 1)) == 5h + 45min);
    const TimeZone sydney = rules("AEST-10AEDT,M10.1.0,M4.1.0/3");
    CHECK(sydney.offset_at(utc(2027, 1, 1)) == 11h);
    CHECK(sydney.offset_at(utc(2027, 7, 1)) == 10h);
    // Greenland: an hour before midnight of the day before.
    const TimeZone nuuk = rules("<-02>2<-01>,M3.5.0/-1,M10.5.0/0");
    CHECK(nuuk.offset_at(utc(2027, 3, 28, 59min)) == -2h);
    CHECK(nuuk.offset_at(utc(2027, 3, 28, 1h)) == -1h);
    // Days by number: with the 29th of February, and without.
    CHECK(rules("AAA0BBB,59/0,300").offset_at(utc(2028, 2, 29)) == 1h);
    CHECK(rules("AAA0BBB,59/0,300").offset_at(utc(2028, 2, 28, 23h)) == 0h);
    CHECK(rules("AAA0BBB,J60/0,J300").offset_at(utc(2028, 2, 29, 12h)) == 0h);
    CHECK(rules("AAA0BBB,J60/0,J300").offset_at(utc(2028, 3, 1)) == 1h);
    // RFC 8536, 3.3.1: summer time all the year.
    const TimeZone always = rules("XXX3EDT4,0/0,J365/23");
    for (int month = 1; month <= 12; ++month)
      CHECK(always.offset_at(utc(2030, static_cast<unsigned>(month), 1)) == -4h);
    CHECK(always.instant(at(2031, 1, 1)) == utc(2031, 1, 1, 4h));
  }
  SUBCASE("that are none") {
    for (const char* bad :
         {"C-1", "CET", "CET-25", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
          "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J3",
          "CET-1CEST,M3.5.0,M10.5.0/168", "CET-1CEST,M3.5.0,M10.5.0/3x", "<+03-3", "CET-1:60"})
      CHECK_FALSE_MESSAGE(takes(bad), bad);
    CHECK(takes(""));
  }
}

TEST_CASE("the table of a file, then its footer") {
  const int64_t change = utc(2020, 6, 1).time_since_epoch().count();
  const auto zone = TimeZone::parse(file({3600, 7200}, {{change, 1}}, "AAA-2BBB,M3.5.0,M10.5.0/3"));
  REQUIRE(zone);
  CHECK(zone->offset_at(utc(1950, 1, 1)) == 1h);
  CHECK(zone->offset_at(utc(2020, 5, 31)) == 1h);
  CHECK(zone->offset_at(utc(2020, 6, 2)) == 2h);
  CHECK(zone->offset_at(utc(2021, 6, 2)) == 3h);
  // A whole day that no clock showed, as in Samoa.
  const auto samoa = TimeZone::parse(file({-36000, 50400}, {{change, 1}}, ""));
  REQUIRE(samoa);
  CHECK(samoa->instant(at(2020, 5, 31, 20h)) == utc(2020, 6, 1));
  CHECK(samoa->instant(at(2020, 6, 1, 14h)) == utc(2020, 6, 1));
  CHECK(samoa->instant(at(2020, 5, 31, 13h)) == utc(2020, 5, 31, 23h));
}

TEST_CASE("a file of the first version has no footer") {
  ByteWriter out;
  block(out, 0, {0, 1800}, {{1'000'000'000, 1}}, false);
  const auto zone = TimeZone::parse(out.take());
  REQUIRE(zone);
  CHECK(zone->offset_at(utc(2030, 1, 1)) == 30min);
}

TEST_CASE("what is no such file") {
  const int64_t change = utc(2020, 6, 1).time_since_epoch().count();
  const std::string footer = "CET-1CEST,M3.5.0,M10.5.0/3";
  const auto whole = file({3600, 7200}, {{change, 1}, {change + 9, 0}}, footer);
  REQUIRE(TimeZone::parse(whole));
  for (size_t n = 0; n < whole.size(); ++n) CHECK_FALSE(TimeZone::parse(Bytes(whole).first(n)));
  CHECK_FALSE(TimeZone::parse(file({3600}, {{change, 1}}, footer)));               // no type 1
  CHECK_FALSE(TimeZone::parse(file({3600}, {{change, 0}, {change, 0}}, footer)));  // no order
  CHECK_FALSE(TimeZone::parse(file({3600 * 27}, {}, footer)));                     // no offset
  auto leaps = file({3600}, {}, footer);
  leaps[44 + 10 + 28 + 3] = 1;  // of the second header
  CHECK_FALSE(TimeZone::parse(leaps));
  auto many = whole;
  many[32] = 0xff;  // four thousand million changes in the first part
  CHECK_FALSE(TimeZone::parse(many));
}
