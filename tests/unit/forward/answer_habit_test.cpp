// A peer that reads and says so now and then, and a relay that takes everything when it is gone.
#include <doctest/doctest.h>

#include "unit/forward/world.h"

using namespace stream;
using namespace stream::media;
using namespace std::chrono_literals;

namespace {

constexpr uint64_t kPeerWindow = 2'500'000;

// A live destination whose peer acknowledges all `window` bytes, as it last was told to.
struct Reader {
  World world;
  uint64_t window = kPeerWindow;
  uint64_t per_tick;  // bytes in 100 ms

  explicit Reader(uint64_t bits_per_second) : per_tick(bits_per_second / 80) { world.go_live(); }

  void step(bool answers) {
    auto& flow = world.link().state;
    flow.sent_bytes = flow.taken_bytes = flow.acknowledged_bytes = flow.sent_bytes + per_tick;
    if (answers && flow.acknowledged_bytes - flow.application_bytes >= window)
      flow.application_bytes = flow.acknowledged_bytes;
    world.pass(100ms);
  }
  void read_for(Nanoseconds time) {
    for (const auto end = world.now + time; world.now < end;) step(true);
  }
  // From an answer on, which is the worst case.
  void read_up_to_an_answer() {
    const uint64_t before = world.link().state.application_bytes;
    while (world.link().state.application_bytes == before) step(true);
  }
  bool stalled() const { return world.state() == ForwardState::kStalled; }
};

}  // namespace

TEST_CASE("a peer that is gone behind a relay is noticed within 10 s") {
  for (const uint64_t rate : {3'000'000, 4'500'000, 6'000'000}) {
    CAPTURE(rate);
    Reader reader(rate);
    reader.read_for(30s);
    reader.read_up_to_an_answer();
    const auto gone = reader.world.now;
    while (!reader.stalled() && reader.world.now < gone + 60s) reader.step(false);
    CHECK(reader.world.now - gone <= 10s);
    CHECK(reader.world.now - gone >= 5s);
    while (reader.stalled() && reader.world.now < gone + 60s) reader.step(false);
    CHECK(reader.world.now - gone <= 16s);
    CHECK(reader.world.state() == ForwardState::kBackoff);
  }
}

TEST_CASE("a peer that acknowledges late by half is not taken to be gone") {
  Reader reader(4'500'000);
  reader.read_for(30s);
  for (int i = 0; i < 30; ++i) {
    reader.window = i % 3 == 0 ? kPeerWindow * 3 / 2 : kPeerWindow;
    reader.read_up_to_an_answer();
  }
  for (const ForwardState state : reader.world.states) CHECK(state != ForwardState::kStalled);
  CHECK(reader.world.links.size() == 1);
}

TEST_CASE("a word at the start and then one per window, at a low rate: no silence") {
  Reader reader(1'000'000);
  reader.window = 1000;
  reader.read_up_to_an_answer();
  reader.window = kPeerWindow;
  reader.read_for(120s);
  for (const ForwardState state : reader.world.states) CHECK(state != ForwardState::kStalled);
}
