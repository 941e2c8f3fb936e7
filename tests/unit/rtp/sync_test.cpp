#include "rtp/sync.h"

#include <doctest/doctest.h>

#include "rtp/rtcp.h"

using namespace stream;
using namespace stream::rtp;
using namespace std::chrono_literals;

TEST_CASE("by arrival at first, then drawn to the reports without a step") {
  Sync sync;
  const size_t sound = sync.add(48000), picture = sync.add(90000);
  // The picture was taken when the sound was, but came 120 ms later.
  CHECK(sync.place(sound, 1000, 5s) == 0s);
  CHECK(sync.place(picture, 777, 5s + 120ms) == 120ms);
  CHECK_FALSE(sync.by_reports());
  const int64_t wall = 1'700'000'000'000'000'000;
  sync.report(sound, 1000 + 48000, ntp_time(wall + 1'000'000'000));
  sync.report(picture, 777 + 90000, ntp_time(wall + 1'000'000'000));
  CHECK(sync.by_reports());
  CHECK(std::chrono::abs(sync.correction(picture) + 120ms) < 1us);
  Nanoseconds last = 120ms;
  for (int i = 1; i <= 300; ++i) {
    const Nanoseconds now = sync.place(picture, 777 + i * 3000, 6s);
    CHECK(now > last);
    CHECK(now - last <= 33'400us);
    last = now;
  }
  CHECK(std::chrono::abs(last - 10s) < 1us);
  CHECK(std::chrono::abs(sync.place(sound, 1000 + 480000, 16s) - 10s) < 1us);
}

TEST_CASE("reports that can't be true are not followed") {
  Sync sync;
  const size_t sound = sync.add(48000), picture = sync.add(90000);
  sync.place(sound, 0, 0s);
  sync.place(picture, 0, 0s);
  sync.report(sound, 0, ntp_time(1'700'000'000'000'000'000));
  sync.report(picture, 0, 0);
  CHECK(sync.correction(picture) == 0s);
}

TEST_CASE("a late unit does not move time") {
  Sync sync;
  const size_t sound = sync.add(48000);
  CHECK(sync.place(sound, 48000, 0s) == 0s);
  CHECK(sync.place(sound, 96000, 1s) == 1s);
  CHECK(sync.place(sound, 48000, 1s) == 0s);
  CHECK(sync.place(sound, 96960, 2s) == 1s + 20ms);
}
