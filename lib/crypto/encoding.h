// Bytes as text and back. Decoders are strict: one text per value, nothing skipped, and they run in
// a time that depends on the length only.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"

namespace stream::crypto {

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

std::string hex(Bytes bytes);  // lower case
std::optional<std::vector<uint8_t>> from_hex(std::string_view text);

// RFC 4648 section 5 without padding, as RFC 7515 wants it; unused bits must be zero.
std::string base64url(Bytes bytes);
std::optional<std::vector<uint8_t>> from_base64url(std::string_view text);

// RFC 4648 section 4 with padding.
std::string base64(Bytes bytes);

}  // namespace stream::crypto
