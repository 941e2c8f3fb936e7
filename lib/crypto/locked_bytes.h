// Key material: pages of its own between guard pages, locked in memory and left out of core dumps
// as far as the system allows, wiped when it goes. Not a string: it has no printing, no conversion.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/buffer.h"

namespace stream::crypto {

class LockedBytes {
 public:
  LockedBytes() = default;
  explicit LockedBytes(size_t size);
  static LockedBytes copy(Bytes bytes);
  LockedBytes clone() const { return copy(view()); }

  uint8_t* data() noexcept { return memory_.get(); }
  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  Bytes view() const noexcept { return {memory_.get(), size_}; }
  std::string_view text() const noexcept {
    return {reinterpret_cast<const char*>(memory_.get()), size_};
  }

 private:
  struct Free {
    void operator()(uint8_t* memory) const noexcept;
  };
  std::unique_ptr<uint8_t, Free> memory_;
  size_t size_ = 0;
};

}  // namespace stream::crypto
