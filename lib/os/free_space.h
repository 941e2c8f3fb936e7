// Room on the disk.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace stream::os {

// What this user may still write to the file system that `path` is on; nullopt when it can't be
// asked.
std::optional<uint64_t> free_bytes(const std::string& path) noexcept;

}  // namespace stream::os
