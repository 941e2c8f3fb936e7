// A file appears under its name only when it is complete: written aside, renamed.
#pragma once
#include <string>

#include "base/buffer.h"

namespace stream::os {

enum class Sync { kNo, kYes };  // kYes: file and directory are on the disk when it returns

// Replaces `path` with `bytes`. Throws Error "os" naming the path; the old file is then as it was
// and no temporary file stays.
void write_file(const std::string& path, Bytes bytes, Sync sync, unsigned mode = 0644);
inline void write_file(const std::string& path, std::string_view text, Sync sync,
                       unsigned mode = 0644) {
  write_file(path, Bytes{reinterpret_cast<const uint8_t*>(text.data()), text.size()}, sync, mode);
}

}  // namespace stream::os
