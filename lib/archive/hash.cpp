#include "archive/hash.h"

#include <openssl/evp.h>

#include <new>
#include <vector>

#include "base/error.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace stream::archive {

struct Md5::State {
  ~State() { EVP_MD_CTX_free(context); }
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Md5::Md5() : state_(std::make_unique<State>()) {
  if (!state_->context || EVP_DigestInit_ex(state_->context, EVP_md5(), nullptr) != 1)
    throw std::bad_alloc();
}
Md5::~Md5() = default;

void Md5::add(std::string_view bytes) {
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

std::string Md5::raw() {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(state_->context, out, &size);
  return {reinterpret_cast<const char*>(out), size};
}

std::string Md5::hex() {
  return crypto::hex(crypto::bytes_of(raw()));
}

std::string sha256_of(const Source& source, const std::function<void(std::string_view)>& also) {
  crypto::Sha256 hash;
  std::vector<char> buffer(256 << 10);
  for (uint64_t at = 0; at < source.size;) {
    const size_t n = source.read(at, buffer);
    if (n == 0 || n == SIZE_MAX) {
      throw Error(Exit::kInputDamaged, "archive.changed",
                  "what is to be archived can't be read to its end",
                  "it changed meanwhile, or the disk is damaged");
    }
    const std::string_view bytes(buffer.data(), n);
    hash.add(crypto::bytes_of(bytes));
    if (also) also(bytes);
    at += n;
  }
  return crypto::hex(hash.finish());
}

std::string sha256_of(std::string_view text) {
  return crypto::hex(crypto::sha256(crypto::bytes_of(text)));
}

}  // namespace stream::archive
