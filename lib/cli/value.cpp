#include "cli/value.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "base/text.h"
#include "cli/secret_source.h"

namespace stream::cli {
namespace {

[[noreturn]] void refuse_value(std::string_view text, const std::string& kind) {
  throw Error(Exit::kUsage, "usage.value", "'" + escaped(text, 60) + "' is not " + kind);
}

template <typename T>
void parse_integer(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc() && end == text.data() + text.size()) return;
  refuse_value(text, "a whole number from " + std::to_string(std::numeric_limits<T>::min()) +
                         " to " + std::to_string(std::numeric_limits<T>::max()));
}

}  // namespace

void parse_value(std::string_view text, std::string& out) {
  out = text;
}

void parse_value(std::string_view text, bool& out) {
  for (std::string_view yes : {"true", "yes", "on", "1"})
    if (text == yes) return void(out = true);
  for (std::string_view no : {"false", "no", "off", "0"})
    if (text == no) return void(out = false);
  refuse_value(text, "true or false");
}

void parse_value(std::string_view text, int& out) {
  parse_integer(text, out);
}
void parse_value(std::string_view text, unsigned& out) {
  parse_integer(text, out);
}
void parse_value(std::string_view text, int64_t& out) {
  parse_integer(text, out);
}
void parse_value(std::string_view text, uint64_t& out) {
  parse_integer(text, out);
}
void parse_value(std::string_view text, uint16_t& out) {
  parse_integer(text, out);
}

void parse_value(std::string_view text, double& out) {
  const char* last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, out);
  if (error != std::errc() || end != last || !std::isfinite(out)) refuse_value(text, "a number");
}

void parse_value(std::string_view text, Duration& out) {
  out = parse_duration(text);
}
void parse_value(std::string_view text, BitRate& out) {
  out = parse_bit_rate(text);
}
void parse_value(std::string_view text, ByteSize& out) {
  out = parse_byte_size(text);
}
void parse_value(std::string_view text, FrameSize& out) {
  out = parse_frame_size(text);
}
void parse_value(std::string_view text, Secret& out) {
  out = read_secret(text);
}

std::string show_value(const std::string& value) {
  return value;
}
std::string show_value(bool value) {
  return value ? "true" : "false";
}
std::string show_value(int value) {
  return std::to_string(value);
}
std::string show_value(unsigned value) {
  return std::to_string(value);
}
std::string show_value(int64_t value) {
  return std::to_string(value);
}
std::string show_value(uint64_t value) {
  return std::to_string(value);
}
std::string show_value(uint16_t value) {
  return std::to_string(value);
}
std::string show_value(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}
std::string show_value(Duration value) {
  return to_text(value);
}
std::string show_value(BitRate value) {
  return to_text(value);
}
std::string show_value(ByteSize value) {
  return to_text(value);
}
std::string show_value(FrameSize value) {
  return std::to_string(value.width) + "x" + std::to_string(value.height);
}

}  // namespace stream::cli
