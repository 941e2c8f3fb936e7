#include "base/text.h"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <vector>

#include "base/error.h"

namespace stream {
namespace {

struct CodePoint {
  char32_t value;
  size_t length;  // 0: not UTF-8
};

CodePoint decode_utf8(std::string_view s) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc2 ? 2 : 0;
  if (length == 0 || lead > 0xf4 || s.size() < length) return {0, 0};
  char32_t value = lead & (0x7f >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {0, 0};
    value = value << 6 | (byte(i) & 0x3f);
  }
  const char32_t smallest = length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
  if (value < smallest || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) return {0, 0};
  return {value, length};
}

// Controls, line and paragraph separators, bidi marks, zero-width and tag characters.
bool is_deceptive(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xe0000 && c <= 0xe007f);
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

std::string escaped(std::string_view untrusted, size_t max) {
  const auto is_plain = [](char c) { return c >= 0x20 && c < 0x7f; };
  if (untrusted.size() <= max && std::all_of(untrusted.begin(), untrusted.end(), is_plain))
    return std::string(untrusted);
  std::string out;
  while (!untrusted.empty()) {
    if (out.size() >= max) return out + "...";
    const CodePoint c = decode_utf8(untrusted);
    const size_t length = std::max<size_t>(c.length, 1);
    char text[16];
    if (c.length == 0 || (c.length == 1 && is_deceptive(c.value))) {
      std::snprintf(text, sizeof text, "\\x%02x", static_cast<unsigned char>(untrusted[0]));
      out += text;
    } else if (is_deceptive(c.value)) {
      std::snprintf(text, sizeof text, "\\u{%x}", static_cast<unsigned>(c.value));
      out += text;
    } else {
      out += untrusted.substr(0, length);
    }
    untrusted.remove_prefix(length);
  }
  return out;
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  const std::string* best = nullptr;
  size_t best_distance = std::max<size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const bool shortened = word.size() > 3 && candidate.starts_with(word);
    const size_t distance = shortened ? 1 : edit_distance(word, candidate);
    if (distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (!best || best_distance >= best->size()) return std::nullopt;
  return *best;
}

bool is_stream_name(std::string_view name) {
  const auto alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > 63 || !alnum(name[0])) return false;
  if (name.find("..") != std::string_view::npos) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return alnum(c) || c == '.' || c == '_' || c == '-'; });
}

void check_stream_name(std::string_view name) {
  if (is_stream_name(name)) return;
  throw Error(Exit::kUsage, "name.invalid", "'" + escaped(name, 80) + "' is not a stream name",
              "use 1 to 63 of a-z 0-9 . _ - that start with a letter or a digit, without '..'");
}

bool is_rung_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
}

BusName split_bus_name(std::string_view bus) {
  const size_t slash = bus.find('/');
  if (slash == std::string_view::npos) return {bus, std::nullopt};
  return {bus.substr(0, slash), bus.substr(slash + 1)};
}

bool is_bus_name(std::string_view name) {
  const auto [stream, rung] = split_bus_name(name);
  return is_stream_name(stream) && (!rung || is_rung_name(*rung));
}

void check_bus_name(std::string_view name) {
  check_stream_name(split_bus_name(name).stream);
  if (is_bus_name(name)) return;
  throw Error(Exit::kUsage, "name.invalid",
              "'" + escaped(name, 80) + "' does not name a rung of a stream's ladder",
              "write NAME/RUNG, as in demo/720p; a rung's name has letters, digits, - and _");
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  const std::string_view other = a.size() == b.size() ? b : a;
  for (size_t i = 0; i < a.size(); ++i)
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(other[i]);
  return difference == 0;
}

}  // namespace stream
