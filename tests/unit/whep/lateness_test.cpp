#include "whep/lateness.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace stream;
using whep::Lateness;

namespace {

// Pictures each 40 ms that come `behind` their times, every `nth` one of them `late`.
Nanoseconds pass(Lateness& lateness, Nanoseconds from, int seconds, int nth, Nanoseconds late,
                 Nanoseconds behind = 1h) {
  for (int i = 0; i < 25 * seconds; ++i)
    lateness.add(from + i * 40ms, behind + from + i * 40ms + (i % nth == 1 ? late : 0ms));
  return from + seconds * 1s;
}

}  // namespace

TEST_CASE("late pictures are known after a second, and forgotten in a while") {
  Lateness lateness;
  CHECK(lateness.usual() == 0ms);
  Nanoseconds at = pass(lateness, 0s, 2, 5, 70ms);
  CHECK(lateness.usual() == 70ms);
  at = pass(lateness, at, 12, 1000, 0ms);
  CHECK(lateness.usual() == 0ms);
  at = pass(lateness, at, 12, 60, 90ms);  // seldom: not worth to be late for
  CHECK(lateness.usual() == 0ms);
  at = pass(lateness, at, 12, 5, 900ms);
  CHECK(lateness.usual() == 200ms);
}

TEST_CASE("what comes from a cache is not late, nor what has other times") {
  Lateness lateness;
  for (int i = 0; i < 50; ++i) lateness.add(i * 40ms, 2s + i * 1us);
  pass(lateness, 2s, 4, 10, 30ms, 0s);
  CHECK(lateness.usual() == 30ms);
  pass(lateness, 500s, 1, 1000, 0ms, -480s);
  CHECK(lateness.usual() == 0ms);
  pass(lateness, 7s, 1, 10, 20ms, 1h);
  CHECK(lateness.usual() == 20ms);
}
