#include "base/slab.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using namespace stream;

TEST_CASE("Slab: buffers stand alone, whatever becomes of the others, and have their padding") {
  std::vector<Buffer> kept;
  std::vector<size_t> sizes;
  {
    Slab slab;
    for (size_t i = 0; i < 300; ++i) {
      const size_t size = i % 50 == 0 ? Slab::kSmall + i : i * 7 % Slab::kSmall;
      Slab::Piece piece = slab.take(size);
      std::fill_n(piece.data, size, static_cast<uint8_t>(i));
      Buffer buffer = std::move(piece).finish();
      if (i % 3 == 0) continue;
      kept.push_back(std::move(buffer));
      sizes.push_back(i);
    }
  }
  for (size_t i = 0; i < kept.size(); ++i) {
    const Buffer& b = kept[i];
    const auto value = static_cast<uint8_t>(sizes[i]);
    CHECK(std::all_of(b.begin(), b.end(), [value](uint8_t c) { return c == value; }));
    CHECK(std::all_of(b.end(), b.end() + Buffer::kPadding, [](uint8_t c) { return c == 0; }));
  }
}

TEST_CASE("Slab: a block goes with the last of its buffers") {
  Slab slab;
  Buffer first = slab.take(10).finish();
  const std::weak_ptr<const void> block = first.owner();
  CHECK(slab.take(10).owner == first.owner());
  while (slab.take(Slab::kSmall).owner == first.owner()) {
  }
  CHECK_FALSE(block.expired());
  first = {};
  CHECK(block.expired());
}
