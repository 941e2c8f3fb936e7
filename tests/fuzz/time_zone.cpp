// A TZif file: any bytes are a zone or none; a zone gives each time of a clock one instant, which
// never falls as the time grows, and shows that time or a later one there.
#include <cassert>

#include "base/time_zone.h"

using namespace std::chrono;
using stream::TimeZone;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto zone = TimeZone::parse({data, size});
  if (!zone) return 0;
  TimeZone::Instant before = TimeZone::Instant::min();
  const TimeZone::Local begin(local_days(2026y / January / 1));
  for (int i = 0; i < 400; ++i) {
    const TimeZone::Local time = begin + i * 13h + i * 7s;
    const TimeZone::Instant found = zone->instant(time);
    assert(found >= before);
    assert(zone->local(found) >= time);
    assert(zone->local(found - 1s) < time || zone->offset_at(found) != zone->offset_at(found - 1s));
    before = found;
  }
  return 0;
}
