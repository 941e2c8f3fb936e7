// One line of a key file, stream-key-file(5): a JSON object per key, without the key. Bytes in,
// values out.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "keys/key_store.h"

namespace stream::keys {

inline constexpr size_t kMaxLine = 4096;
inline constexpr std::string_view kSchema = "stream.keys/1";
inline constexpr size_t kHashDigits = 64;

// What the file knows of one key: HMAC-SHA256 of it under the file's salt, in lower-case hex.
struct Credential {
  std::string hash;
  Key key;
};

// Without the newline.
std::string write_line(const Credential& credential);
std::optional<Credential> parse_line(std::string_view line);
// The hash that a line starts with, without reading the rest; empty when it is no such line.
std::string_view hash_of_line(std::string_view line);

// First line: {"schema":"stream.keys/1","salt":"64 hexadecimal digits"}.
using Salt = std::array<uint8_t, 32>;
std::string write_head(const Salt& salt);
std::optional<Salt> parse_head(std::string_view line);

// "2026-11-20T10:00:00.123Z" and back, from 1970 to 2200 (what lies outside is written as the
// nearer end and not read); the fraction is optional when reading.
std::string time_text(int64_t milliseconds);
std::optional<int64_t> parse_time(std::string_view text);

}  // namespace stream::keys
