#include "os/zone.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "base/error.h"

using namespace stream;

namespace {

std::string failure(const std::string& name) {
  try {
    os::load_zone(name);
  } catch (const Error& e) {
    CHECK(e.code() == Exit::kConfig);
    CHECK(e.id() == "zone.unknown");
    return std::string(e.what()) + " / " + e.hint();
  }
  return "none";
}

}  // namespace

TEST_CASE("zones of this machine") {
  using namespace std::chrono;
  const TimeZone berlin = os::load_zone("Europe/Berlin");
  CHECK(berlin.offset_at(sys_days(2026y / July / 1)) == 2h);
  CHECK(berlin.offset_at(sys_days(2100y / January / 1)) == 1h);
  CHECK(os::load_zone("UTC").offset_at(sys_days(2026y / July / 1)) == 0h);

  CHECK(failure("berlin") == "'berlin' is no time zone / did you mean Europe/Berlin?");
  CHECK(failure("Europe/Berlni") ==
        "'Europe/Berlni' is no time zone / did you mean Europe/Berlin?");
  for (const char* bad : {"", "/etc/passwd", "../zoneinfo/UTC", "Europe//Berlin", "Europe/",
                          "zone.tab", "tzdata.zi", "a\nb", "Europe"})
    CHECK(failure(bad) != "none");
  CHECK(failure("a\nb").find('\n') == std::string::npos);
}

TEST_CASE("without zones there is UTC, and advice") {
  ::setenv("TZDIR", "/nonexistent", 1);
  CHECK(os::load_zone("Europe/Berlin").offset_at({}) == std::chrono::hours(1));  // the usual place
  ::unsetenv("TZDIR");
}
