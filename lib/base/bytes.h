// Big-endian reader and writer for wire formats (little-endian where a name says so). The reader's
// error is sticky: read on, test ok() once at the end. It never reads past its span and never
// allocates.
#pragma once
#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"

namespace stream {

class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : bytes_(bytes) {}

  bool ok() const noexcept { return ok_; }
  size_t remaining() const noexcept { return bytes_.size() - at_; }
  size_t position() const noexcept { return at_; }
  void fail() noexcept {
    ok_ = false;
    at_ = bytes_.size();
  }

  uint8_t u8() { return static_cast<uint8_t>(number(1)); }
  uint16_t u16() { return static_cast<uint16_t>(number(2)); }
  uint32_t u24() { return static_cast<uint32_t>(number(3)); }
  uint32_t u32() { return static_cast<uint32_t>(number(4)); }
  uint64_t u64() { return number(8); }
  int32_t i24() {
    const uint32_t value = u24();
    return static_cast<int32_t>(value ^ 0x800000u) - 0x800000;
  }
  uint32_t u32_le() { return __builtin_bswap32(u32()); }
  double f64() { return std::bit_cast<double>(u64()); }

  // The next n bytes; empty and failed when fewer are left.
  Bytes bytes(size_t n) {
    if (!take(n)) return {};
    return bytes_.subspan(at_ - n, n);
  }
  Bytes rest() { return bytes(remaining()); }
  std::string_view text(size_t n) {
    const Bytes b = bytes(n);
    return {reinterpret_cast<const char*>(b.data()), b.size()};
  }
  void skip(size_t n) { take(n); }

 private:
  bool take(size_t n) {
    if (!ok_ || n > remaining()) {
      fail();
      return false;
    }
    at_ += n;
    return true;
  }
  uint64_t number(size_t n) {
    if (!take(n)) return 0;
    uint64_t value = 0;
    for (size_t i = at_ - n; i < at_; ++i) value = value << 8 | bytes_[i];
    return value;
  }

  Bytes bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

class ByteWriter {
 public:
  void u8(uint8_t v) { out_.push_back(v); }
  void u16(uint16_t v) { number(v, 2); }
  void u24(uint32_t v) { number(v, 3); }
  void u32(uint32_t v) { number(v, 4); }
  void u64(uint64_t v) { number(v, 8); }
  void u32_le(uint32_t v) { number(__builtin_bswap32(v), 4); }
  void f64(double v) { u64(std::bit_cast<uint64_t>(v)); }
  void bytes(Bytes b) { out_.insert(out_.end(), b.begin(), b.end()); }
  void text(std::string_view s) { out_.insert(out_.end(), s.begin(), s.end()); }
  void zeros(size_t n) { out_.resize(out_.size() + n); }

  size_t size() const noexcept { return out_.size(); }
  // Overwrites a 32-bit number written before, for lengths known only at the end.
  void patch_u32(size_t at, uint32_t v) {
    for (int i = 0; i < 4; ++i) out_.at(at + i) = static_cast<uint8_t>(v >> (24 - 8 * i));
  }
  Bytes view() const noexcept { return out_; }
  std::vector<uint8_t> take() { return std::move(out_); }

 private:
  void number(uint64_t v, int n) {
    for (int i = n - 1; i >= 0; --i) out_.push_back(static_cast<uint8_t>(v >> (8 * i)));
  }
  std::vector<uint8_t> out_;
};

}  // namespace stream
