#include "webrtc/gathering.h"

#include <doctest/doctest.h>

using namespace stream;
using namespace stream::webrtc;
using namespace std::chrono_literals;

namespace {

// The last pause of a second of looks that are so far apart and give `got` datagrams.
Nanoseconds last_pause(Gathering& gathering, Nanoseconds& now, size_t got, Nanoseconds each) {
  Nanoseconds pause{0};
  for (const Nanoseconds end = now + 1s; now < end; now += each) pause = gathering.pause(got, now);
  return pause;
}

}  // namespace

TEST_CASE("few datagrams are taken as they come, many together") {
  Gathering gathering(8 << 20);
  Nanoseconds now = 100s;
  CHECK(gathering.pause(1, now) == 0ns);
  CHECK(last_pause(gathering, now, 1, 10ms) == 0ns);
  CHECK(last_pause(gathering, now, 4, 1ms) == 3ms);
  CHECK(gathering.pause(0, now) == 0ns);  // nothing more to come: it waits for the next
  CHECK(gathering.pause(3, now) == 3ms);
  CHECK(last_pause(gathering, now, 1, 10ms) == 0ns);
  CHECK(gathering.pause(1, now + 10s) == 0ns);
}

TEST_CASE("no more come together than an eighth of the socket's buffer holds") {
  Gathering gathering(425'984);  // as Linux has it without being asked
  Nanoseconds now = 100s;
  const Nanoseconds pause = last_pause(gathering, now, 30, 1ms);  // 30,000 a second
  CHECK(pause > 500us);
  CHECK(pause < 1ms);
  CHECK(last_pause(gathering, now, 200, 1ms) == 0ns);
  CHECK(Gathering(0).pause(1'000'000, 100s) == 0ns);
}
