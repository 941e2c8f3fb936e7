#include "crypto/encoding.h"

#include "crypto/ready.h"

namespace stream::crypto {
namespace {

std::string encode(Bytes bytes, int variant) {
  ready();
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), variant), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), variant);
  text.resize(text.size() - 1);  // its final NUL
  return text;
}

}  // namespace

std::string hex(Bytes bytes) {
  std::string text(bytes.size() * 2 + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), bytes.data(), bytes.size());
  text.pop_back();
  return text;
}

std::optional<std::vector<uint8_t>> from_hex(std::string_view text) {
  std::vector<uint8_t> bytes(text.size() / 2);
  size_t size = 0;
  const char* end = nullptr;
  if (text.size() % 2 != 0 || sodium_hex2bin(bytes.data(), bytes.size(), text.data(), text.size(),
                                             nullptr, &size, &end) != 0)
    return std::nullopt;
  if (end != text.data() + text.size()) return std::nullopt;
  return bytes;
}

std::string base64url(Bytes bytes) {
  return encode(bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

std::optional<std::vector<uint8_t>> from_base64url(std::string_view text) {
  std::vector<uint8_t> bytes(text.size() / 4 * 3 + 3);
  size_t size = 0;
  const char* end = nullptr;
  if (sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), nullptr, &size, &end,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  bytes.resize(size);
  return bytes;
}

std::string base64(Bytes bytes) {
  return encode(bytes, sodium_base64_VARIANT_ORIGINAL);
}

}  // namespace stream::crypto
