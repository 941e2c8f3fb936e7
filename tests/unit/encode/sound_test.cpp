// Sound on its way to AAC: the clock without holes.
#include <doctest/doctest.h>

#include "encode/sound_clock.h"

using namespace stream;
using namespace stream::media;

TEST_CASE("SoundClock") {
  SoundClock clock(48000, 2, 1024);
  clock.start(0);
  const auto sound = [](int samples) {
    av::Frame f = av::Frame::sound(48000, 2, samples);
    for (int i = 0; i < samples; i++) f.channel(0)[i] = 0.5f;
    return f;
  };
  int64_t made = 0;
  const auto take = [&](bool rest = false) {
    while (auto f = clock.take(rest)) {
      CHECK(f->pts() == made);
      made += f->samples();
    }
  };
  SUBCASE("continuous sound") {
    for (int i = 0; i < 10; i++) clock.add(sound(1000), i * 1000);
    take();
    CHECK(made == 9216);
    take(true);
    CHECK(made == 10000);
    CHECK(clock.silence() == 0);
  }
  SUBCASE("small wobble is left alone") {
    for (int i = 0; i < 10; i++) clock.add(sound(1000), i * 1000 + (i % 2 ? 300 : -300));
    take(true);
    CHECK(made == 10000);
  }
  SUBCASE("a hole becomes silence, an overlap is dropped") {
    clock.add(sound(1000), 0);
    clock.add(sound(1000), 5000);
    take(true);
    CHECK(made == 6000);
    CHECK(clock.silence() == 4000);
    clock.add(sound(1000), 4000);
    CHECK(clock.dropped() == 1000);
    CHECK(clock.position() == 6000);
  }
  SUBCASE("sound that starts late") {
    clock.add(sound(1000), 24000);
    take(true);
    CHECK(made == 25000);
  }
}
