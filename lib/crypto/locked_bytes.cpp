#include "crypto/locked_bytes.h"

#include <new>

#include "crypto/ready.h"

namespace stream::crypto {

LockedBytes::LockedBytes(size_t size) : size_(size) {
  ready();
  if (size == 0) return;
  memory_.reset(static_cast<uint8_t*>(sodium_malloc(size)));
  if (!memory_) throw std::bad_alloc();
  sodium_memzero(memory_.get(), size);
}

LockedBytes LockedBytes::copy(Bytes bytes) {
  LockedBytes copy(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
  return copy;
}

void LockedBytes::Free::operator()(uint8_t* memory) const noexcept {
  sodium_free(memory);  // wipes
}

}  // namespace stream::crypto
