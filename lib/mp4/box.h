// ISO BMFF boxes: a writer that fills in sizes, and a bounded reader for files of our own and for
// tests. Neither owns memory beyond its own output.
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace stream::mp4 {

class BoxWriter : public ByteWriter {
 public:
  // Opens a box for the time of `fill()`; its size is patched afterwards.
  template <typename Fill>
  void box(std::string_view type, Fill&& fill) {
    const size_t at = size();
    u32(0);
    text(type);
    fill();
    patch_u32(at, static_cast<uint32_t>(size() - at));
  }
  template <typename Fill>
  void full_box(std::string_view type, uint8_t version, uint32_t flags, Fill&& fill) {
    box(type, [&] {
      u8(version);
      u24(flags);
      fill();
    });
  }
};

struct Box {
  uint32_t type = 0;       // four characters, big-endian
  uint64_t size = 0;       // as declared, header included; for size 0 ("to the end") what is there
  size_t header_size = 8;  // 8 or 16
  Bytes payload;           // cut short when the box is torn
  bool complete = true;    // false: the declared size runs past the end
  bool is(std::string_view name) const;
};

// The next box of `bytes`, which is then moved past it. nullopt at the end or when no header can be
// read.
std::optional<Box> next_box(Bytes& bytes);

// The first box along a path such as "moov/trak/mdia"; containers only, full boxes' headers are not
// skipped.
std::optional<Box> find_box(Bytes bytes, std::string_view path);

}  // namespace stream::mp4
