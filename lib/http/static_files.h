// Files of one directory tree over HTTP: types, caching, conditions, ranges. Opens beneath its root
// only: no "..", no symlink that leads out, no device, nothing hidden, no kind of file that viewers
// have no use for (so no temporary and state files). Thread-safe.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace stream::http {

// "video/iso.segment" for "x.m4s"; empty for a kind that is not served.
std::string_view mime_type(std::string_view path);

// The bytes that a "Range: bytes=..." asks for, RFC 9110 section 14.
struct ByteRange {
  uint64_t first = 0, length = 0;
};
enum class RangeKind { kWhole, kPart, kUnsatisfiable };
// kWhole also for several ranges, other units and bad syntax, as section 14.2 allows.
RangeKind parse_range(std::string_view header, uint64_t size, ByteRange& range);

class StaticFiles {
 public:
  // Throws Error naming `directory` when it can't be opened. Empty: there are no files.
  explicit StaticFiles(const std::string& directory);

  // 200, 206, 304, 404 or 416. `path` is Request::path.
  Response serve(const Request& request, const std::string& path) const;
  // Beneath the root like serve(); none when absent.
  os::Fd open(const std::string& path, int flags) const;

 private:
  os::Fd root_;
};

}  // namespace stream::http
