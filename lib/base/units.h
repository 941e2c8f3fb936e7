// Quantities as people write them. A bare number is refused where a unit matters.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace stream {

struct Duration {
  std::chrono::nanoseconds value{0};
  double seconds() const { return std::chrono::duration<double>(value).count(); }
};
struct BitRate {
  int64_t bps = 0;
};
struct ByteSize {
  uint64_t bytes = 0;
};
struct FrameSize {
  int width = 0, height = 0;
};

// Each throws Error kUsage "unit.invalid" that names the text and shows a right form.
Duration parse_duration(std::string_view text);   // 250ms 2s 1.5s 10m 1h 30d
BitRate parse_bit_rate(std::string_view text);    // 800k 5000k 6M 2.5M 1G 500bps: decimal, bit/s
ByteSize parse_byte_size(std::string_view text);  // 4096B 64KiB 8MiB 2GiB, also kB MB GB (decimal)
FrameSize parse_frame_size(std::string_view text);  // 1280x720, both even and from 16 to 16384

std::string to_text(Duration duration);  // "250ms", "2s", "1h2m3s"
std::string to_text(BitRate rate);       // "5000k", "6M"
std::string to_text(ByteSize size);      // "8MiB"

}  // namespace stream
