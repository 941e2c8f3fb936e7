#include "base/units.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

#include "base/error.h"
#include "base/text.h"

namespace stream {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

[[noreturn]] void refuse(std::string_view text, const char* kind, const char* examples) {
  throw Error(Exit::kUsage, "unit.invalid", "'" + escaped(text, 60) + "' is not a " + kind,
              std::string("write it with a unit, for example ") + examples);
}

template <size_t N>
std::optional<double> parse(std::string_view text, const Unit (&units)[N]) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(number) || number < 0) return std::nullopt;
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  for (const Unit& u : units)
    if (u.name == unit && number * u.factor < 9.2e18) return number * u.factor;
  return std::nullopt;
}

std::string trimmed(double value, const char* unit) {
  char text[40];
  std::snprintf(text, sizeof text, "%.10g%s", value, unit);
  return text;
}

}  // namespace

Duration parse_duration(std::string_view text) {
  static constexpr Unit kUnits[] = {{"us", 1e3}, {"ms", 1e6},   {"s", 1e9},
                                    {"m", 6e10}, {"h", 3.6e12}, {"d", 8.64e13}};
  const auto value = parse(text, kUnits);
  if (!value) refuse(text, "duration", "250ms, 2s, 10m, 1h");
  return {std::chrono::nanoseconds(std::llround(*value))};
}

BitRate parse_bit_rate(std::string_view text) {
  static constexpr Unit kUnits[] = {{"bps", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}};
  const auto value = parse(text, kUnits);
  if (!value) refuse(text, "bit rate", "800k, 5000k, 6M (bit/s)");
  return {std::llround(*value)};
}

ByteSize parse_byte_size(std::string_view text) {
  static constexpr Unit kUnits[] = {
      {"B", 1},    {"KiB", 1024.0}, {"MiB", 1048576.0},       {"GiB", 1073741824.0}, {"kB", 1e3},
      {"MB", 1e6}, {"GB", 1e9},     {"TiB", 1099511627776.0}, {"TB", 1e12}};
  const auto value = parse(text, kUnits);
  if (!value) refuse(text, "size", "64KiB, 8MiB, 2GiB");
  return {static_cast<uint64_t>(std::llround(*value))};
}

FrameSize parse_frame_size(std::string_view text) {
  FrameSize size;
  const char* last = text.data() + text.size();
  const auto width = std::from_chars(text.data(), last, size.width);
  const bool cross = width.ec == std::errc() && width.ptr != last && *width.ptr == 'x';
  const auto height = cross ? std::from_chars(width.ptr + 1, last, size.height) : width;
  const auto fits = [](int n) { return n >= 16 && n <= 16384 && n % 2 == 0; };
  if (!cross || height.ec != std::errc() || height.ptr != last || !fits(size.width) ||
      !fits(size.height))
    refuse(text, "picture size", "1280x720 (both even, 16 to 16384)");
  return size;
}

std::string to_text(Duration duration) {
  const double s = duration.seconds();
  if (s < 1) return trimmed(s * 1e3, "ms");
  if (s < 60) return trimmed(std::round(s * 1e3) / 1e3, "s");
  const long total = std::lround(s);
  std::string out;
  if (total >= 3600) out += std::to_string(total / 3600) + "h";
  if (total % 3600 >= 60) out += std::to_string(total % 3600 / 60) + "m";
  if (total % 60) out += std::to_string(total % 60) + "s";
  return out;
}

std::string to_text(BitRate rate) {
  if (rate.bps >= 1'000'000 && rate.bps % 1'000'000 == 0) return trimmed(rate.bps / 1e6, "M");
  if (rate.bps >= 1000) return trimmed(std::round(rate.bps / 1e3), "k");
  return trimmed(static_cast<double>(rate.bps), "bps");
}

std::string to_text(ByteSize size) {
  static constexpr Unit kUnits[] = {{"GiB", 1073741824.0}, {"MiB", 1048576.0}, {"KiB", 1024.0}};
  for (const Unit& u : kUnits)
    if (size.bytes >= u.factor)
      return trimmed(std::round(size.bytes / u.factor * 10) / 10, u.name.data());
  return trimmed(static_cast<double>(size.bytes), "B");
}

}  // namespace stream
