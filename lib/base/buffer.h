// Immutable bytes shared by reference count, so that one packet serves every reader without a copy.
// At least kPadding readable bytes follow the end of the allocation, as decoders demand.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

namespace stream {

using Bytes = std::span<const uint8_t>;

class Buffer {
 public:
  static constexpr size_t kPadding = 64;

  Buffer() = default;
  // Shares memory that `owner` keeps alive; kPadding readable bytes must follow.
  Buffer(std::shared_ptr<const void> owner, const uint8_t* data, size_t size)
      : owner_(std::move(owner)), data_(data), size_(size) {}

  static Buffer copy(Bytes bytes);

  const uint8_t* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  const uint8_t* begin() const noexcept { return data_; }
  const uint8_t* end() const noexcept { return data_ + size_; }
  operator Bytes() const noexcept { return {data_, size_}; }

  // A part of the same memory; `offset` and `size` are cut to what is there.
  Buffer slice(size_t offset, size_t size = SIZE_MAX) const {
    if (offset > size_) offset = size_;
    if (size > size_ - offset) size = size_ - offset;
    return Buffer(owner_, data_ + offset, size);
  }
  const std::shared_ptr<const void>& owner() const noexcept { return owner_; }

  friend bool operator==(const Buffer& a, const Buffer& b) {
    return a.size_ == b.size_ && (a.size_ == 0 || std::memcmp(a.data_, b.data_, a.size_) == 0);
  }

 private:
  std::shared_ptr<const void> owner_;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

// Uninitialised bytes to be filled once and then shared; the padding is zeroed.
class BufferBuilder {
 public:
  explicit BufferBuilder(size_t size)
      : memory_(new uint8_t[size + Buffer::kPadding], std::default_delete<uint8_t[]>()),
        size_(size) {
    std::memset(memory_.get() + size, 0, Buffer::kPadding);
  }
  uint8_t* data() noexcept { return memory_.get(); }
  size_t size() const noexcept { return size_; }
  Buffer finish() && {
    const uint8_t* data = memory_.get();
    return Buffer(std::move(memory_), data, size_);
  }

 private:
  std::shared_ptr<uint8_t> memory_;
  size_t size_;
};

inline Buffer Buffer::copy(Bytes bytes) {
  BufferBuilder builder(bytes.size());
  if (!bytes.empty()) std::memcpy(builder.data(), bytes.data(), bytes.size());
  return std::move(builder).finish();
}

}  // namespace stream
