// Text that meets people: escaping of what peers sent, the nearest right word, the stream-name
// grammar.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace stream {

// Safe for a log line or a terminal: control characters, DEL, C1, bidi marks and invalid UTF-8
// become \xNN or \u{NNNN}; cut to `max` bytes with "..." at the end.
std::string escaped(std::string_view untrusted, size_t max = 200);

// The candidate with the smallest edit distance, if that is small enough to be a typing error.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

// [a-z0-9][a-z0-9._-]{0,62}, and no "..": checked before any path is built.
bool is_stream_name(std::string_view name);
// Throws Error kUsage "name.invalid" with the grammar unless is_stream_name.
void check_stream_name(std::string_view name);

// What a rung of a ladder may be called: 1 to 63 letters, digits, - and _.
bool is_rung_name(std::string_view name);
// The halves of what stands behind "bus:": NAME, or NAME/RUNG for one rung of its ladder. Checked
// by nobody yet.
struct BusName {
  std::string_view stream;
  std::optional<std::string_view> rung;
};
BusName split_bus_name(std::string_view bus);
// Both are names. To be asked before any path is built.
bool is_bus_name(std::string_view name);
// Throws Error kUsage "name.invalid" with the grammar unless is_bus_name.
void check_bus_name(std::string_view name);

// Compares secrets in a time that depends on the lengths only.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace stream
