#include "av/reorder.h"

#include <doctest/doctest.h>

using stream::av::Reorder;

namespace {

// I P B B..., 40 ms a picture, in milliseconds from `from` on.
std::vector<int64_t> shown(int64_t from, int groups) {
  std::vector<int64_t> all{from};
  for (int i = 0; i < groups; ++i)
    for (const int64_t step : {3, 1, 2}) all.push_back(from + 40 * (3 * i + step));
  return all;
}

}  // namespace

TEST_CASE("Reorder: decoding times rise and are not after presentation") {
  Reorder reorder(1, {25, 1}, {1, 1000});
  int64_t last = -1000;
  for (const int64_t pts : shown(0, 20)) {
    const int64_t dts = reorder.dts(pts);
    CHECK(dts > last);
    CHECK(dts <= pts);
    last = dts;
  }
}

TEST_CASE("Reorder: a picture that is far off does not bend the others' times") {
  for (const int64_t off : {-9'800'000, 60'000}) {
    CAPTURE(off);
    Reorder good(1, {25, 1}, {1, 1000}), bent(1, {25, 1}, {1, 1000});
    int i = 0;
    for (const int64_t pts : shown(10'000'000, 40)) {
      if (++i % 20 == 0) {
        CHECK(bent.dts(pts + off) <= pts + off);
        continue;
      }
      const int64_t dts = good.dts(pts);
      CHECK(bent.dts(pts) == dts);
    }
  }
}

TEST_CASE("Reorder: where times go on elsewhere, it goes along") {
  for (const int64_t to : {0, 3'600'000}) {
    CAPTURE(to);
    Reorder reorder(1, {25, 1}, {1, 1000});
    for (const int64_t pts : shown(100'000, 20)) reorder.dts(pts);
    int64_t last = to - 1000;
    for (const int64_t pts : shown(to, 20)) {
      const int64_t dts = reorder.dts(pts);
      CHECK(dts > last);
      CHECK(dts <= pts);
      CHECK(pts - dts <= 120);
      last = dts;
    }
  }
}
