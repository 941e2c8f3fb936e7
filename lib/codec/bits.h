// Bit reader, most significant bit first, with Exp-Golomb codes (H.264 9.1). Its error is sticky:
// read on, test ok() at the end. Never reads past its span; numbers read after the end are 0.
#pragma once
#include "base/buffer.h"

namespace stream::codec {

class BitReader {
 public:
  explicit BitReader(Bytes bytes) : bytes_(bytes) {}

  bool ok() const noexcept { return ok_; }
  size_t remaining() const noexcept { return bytes_.size() * 8 - at_; }
  void fail() noexcept {
    ok_ = false;
    at_ = bytes_.size() * 8;
  }

  bool flag() { return bits(1) != 0; }
  // n <= 64
  uint64_t bits(unsigned n) {
    if (n > remaining()) {
      fail();
      return 0;
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < n; ++i, ++at_)
      value = value << 1 | (bytes_[at_ / 8] >> (7 - at_ % 8) & 1);
    return value;
  }
  void skip(size_t n) {
    if (n > remaining()) return fail();
    at_ += n;
  }
  uint32_t ue() {
    unsigned zeros = 0;
    while (ok_ && !flag()) {
      if (++zeros > 31) fail();
    }
    if (!ok_) return 0;
    return static_cast<uint32_t>((uint64_t{1} << zeros) - 1 + bits(zeros));
  }
  int32_t se() {
    const uint32_t k = ue();
    return static_cast<int32_t>(k & 1 ? (uint64_t{k} + 1) / 2 : -(int64_t{k} / 2));
  }

 private:
  Bytes bytes_;
  size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace stream::codec
