#include "archive/verify.h"

#include "base/error.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace stream::archive {

std::optional<std::string> find_damage(Store& store, const Receipt& receipt,
                                       const std::function<void(uint64_t bytes)>& read) {
  const auto there = store.head(receipt.key);
  if (!there) return "it is not there";
  if (there->size != receipt.size) {
    return "it has " + std::to_string(there->size) + " bytes, not " + std::to_string(receipt.size);
  }
  crypto::Sha256 hash;
  uint64_t size = 0;
  try {
    store.get(receipt.key, 0, UINT64_MAX, [&](std::string_view bytes) {
      hash.add(crypto::bytes_of(bytes));
      size += bytes.size();
      if (read) read(bytes.size());
      return true;
    });
  } catch (const Error& error) {
    if (error.id() == "archive.absent") return "it is not there";
    throw;
  }
  if (size != receipt.size) return "only " + std::to_string(size) + " bytes of it can be read";
  if (crypto::hex(hash.finish()) != receipt.sha256)
    return "its content has changed: another SHA-256";
  return std::nullopt;
}

}  // namespace stream::archive
