// Text to values and back, for options. A program adds its own type by a parse_value() (and, for
// the default in help, a show_value()) beside that type; both are found by argument lookup.
// parse_value throws Error kUsage that names the text; the caller puts the option's name before it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/secret.h"
#include "base/units.h"

namespace stream::cli {

void parse_value(std::string_view text, std::string& out);
void parse_value(std::string_view text, bool& out);  // true false yes no on off 1 0
void parse_value(std::string_view text, int& out);
void parse_value(std::string_view text, unsigned& out);
void parse_value(std::string_view text, int64_t& out);
void parse_value(std::string_view text, uint64_t& out);
void parse_value(std::string_view text, uint16_t& out);
void parse_value(std::string_view text, double& out);
void parse_value(std::string_view text, Duration& out);
void parse_value(std::string_view text, BitRate& out);
void parse_value(std::string_view text, ByteSize& out);
void parse_value(std::string_view text, FrameSize& out);
// A source, never the secret itself; see cli/secret_source.h.
void parse_value(std::string_view text, Secret& out);

template <typename T>
void parse_value(std::string_view text, std::optional<T>& out) {
  T value{};
  parse_value(text, value);
  out = std::move(value);
}

std::string show_value(const std::string& value);
std::string show_value(bool value);
std::string show_value(int value);
std::string show_value(unsigned value);
std::string show_value(int64_t value);
std::string show_value(uint64_t value);
std::string show_value(uint16_t value);
std::string show_value(double value);
std::string show_value(Duration value);
std::string show_value(BitRate value);
std::string show_value(ByteSize value);
std::string show_value(FrameSize value);

template <typename T>
concept Showable = requires(const T& value) {
  show_value(value);
};

}  // namespace stream::cli
