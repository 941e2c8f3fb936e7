// What the readers of SDP share: lines and words of hostile text. Pure.
#pragma once
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

namespace stream::webrtc {

inline constexpr size_t kMaxLines = 4096, kMaxWords = 256;

// Takes the next line off, without its end (CRLF or LF).
inline std::string_view take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Takes the next word off; empty: none is left.
inline std::string_view take_word(std::string_view& text, char separator = ' ') {
  while (text.starts_with(separator)) text.remove_prefix(1);
  const size_t end = text.find(separator);
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

inline std::vector<std::string_view> words_of(std::string_view text, char separator = ' ') {
  std::vector<std::string_view> words;
  while (words.size() < kMaxWords) {
    const auto word = take_word(text, separator);
    if (word.empty()) break;
    words.push_back(word);
  }
  return words;
}

template <typename Number>
std::optional<Number> number_of(std::string_view text, Number least, Number most) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    return std::nullopt;
  return value;
}

inline bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i)
    if (lower(a[i]) != lower(b[i])) return false;
  return true;
}

// RFC 8866 9: what a mid, a rid, a cname may be made of; so that ours never carries a peer's line
// ends.
inline bool is_token(std::string_view text, size_t most = 64) {
  if (text.empty() || text.size() > most) return false;
  for (const char c : text)
    if (c <= ' ' || c > '~' ||
        std::string_view("\"(),/:;<=>?@[\\]").find(c) != std::string_view::npos)
      return false;
  return true;
}

}  // namespace stream::webrtc
