// A recurrence and the section of a schedule: any text is one or an Error; what is one is the same
// in its normal form, and its sessions are in order, each once.
#include <cassert>
#include <string>

#include "base/error.h"
#include "streams/schedule.h"

using namespace stream;
using namespace stream::streams;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const Cron cron = parse_cron(text);
    assert(parse_cron(cron.text) == cron);
  } catch (const Error& e) {
    assert(e.id() == "cron.invalid");
  }
  try {
    const Schedule schedule = parse_schedule(config::Node::parse(text, "f"), false);
    assert(parse_schedule(config::Node::parse(to_json(schedule).dump(), "f"), false) == schedule);
    const Instant from = std::chrono::sys_days(std::chrono::year(2027) / 3 / 27);
    Instant before = Instant::min();
    for (const Session& s :
         sessions_between(schedule, {}, from, from + std::chrono::hours(72), 1000)) {
      assert(s.start > before && s.start >= from && s.end > s.start && s.ready <= s.start);
      before = s.start;
    }
  } catch (const Error& e) {
    assert(e.id() == "config.invalid");
  }
  return 0;
}
