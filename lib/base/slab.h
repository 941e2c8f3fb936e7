// Memory for many buffers one after the other: small ones are cut from a block that they share and
// that goes with the last of them, so that a stream of small messages allocates once in a while and
// not for each. A buffer that is kept for long keeps its block: at most kBlock. One thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/buffer.h"

namespace stream {

class Slab {
 public:
  static constexpr size_t kBlock = 32 << 10, kSmall = 4 << 10;

  // Uninitialised bytes to be filled once and then shared; the padding behind them is zeroed.
  struct Piece {
    std::shared_ptr<const void> owner;
    uint8_t* data = nullptr;
    size_t size = 0;

    explicit operator bool() const noexcept { return data != nullptr; }
    Buffer finish() && { return Buffer(std::move(owner), data, size); }
  };

  Piece take(size_t size) {
    if (size > kSmall) return alone(size);
    const size_t whole = (size + Buffer::kPadding + kAlign - 1) / kAlign * kAlign;
    if (whole > left_.size) left_ = alone(kBlock);
    Piece piece{left_.owner, left_.data, size};
    left_.data += whole;
    left_.size -= whole;
    std::memset(piece.data + size, 0, Buffer::kPadding);
    return piece;
  }

 private:
  static constexpr size_t kAlign = 16;

  static Piece alone(size_t size) {
    auto memory = std::make_shared_for_overwrite<uint8_t[]>(size + Buffer::kPadding);
    uint8_t* const data = memory.get();
    std::memset(data + size, 0, Buffer::kPadding);
    return {std::move(memory), data, size};
  }

  Piece left_;  // of the present block
};

}  // namespace stream
