// What a request may say to the file server: a path never leaves the root, a range never the file.
#include <cassert>
#include <cstdint>
#include <string_view>

#include "http/message.h"
#include "http/static_files.h"

using namespace stream::http;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  if (const auto path = decode_path(text.substr(0, line))) {
    assert(path->front() == '/');
    assert((*path + "/").find("/../") == std::string::npos);
    assert(path->find('\0') == std::string::npos);
    html_escaped(*path);
    percent_encoded(*path);
  }
  if (line == std::string_view::npos) return 0;
  for (const uint64_t length : {uint64_t{0}, uint64_t{1}, uint64_t{10}, UINT64_MAX}) {
    ByteRange range;
    if (parse_range(text.substr(line + 1), length, range) != RangeKind::kPart) continue;
    assert(range.length > 0 && range.first < length && range.length <= length - range.first);
  }
  return 0;
}
