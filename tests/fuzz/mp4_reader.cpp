// The MP4 reader of repair and clip: any bytes, bounded time and memory, and every sample it tells
// of lies in the file.
#include <algorithm>
#include <cstdlib>

#include "mp4/reader.h"

using namespace stream;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  mp4::Reader reader(size, [&](uint64_t offset, std::span<uint8_t> out) {
    if (offset >= size) return size_t{0};
    const size_t n = std::min<size_t>(out.size(), size - static_cast<size_t>(offset));
    std::copy_n(data + offset, n, out.begin());
    return n;
  });
  if (!reader.open()) return 0;
  uint64_t bytes = 0;
  while (const auto sample = reader.next()) {
    if (sample->track >= reader.tracks().size() || sample->size == 0) std::abort();
    if (sample->offset > size || sample->size > size - sample->offset) std::abort();
    bytes += sample->size;
  }
  if (bytes > 2 * size + (1 << 20)) std::abort();
  return 0;
}
