// SHA-256 of what is put and got, and MD5, which S3 wants in places. SHA-256 in pieces is
// crypto::Sha256.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "archive/store.h"

namespace stream::archive {

// No protection against anybody: S3's ETags and Content-MD5.
class Md5 {
 public:
  Md5();
  ~Md5();
  void add(std::string_view bytes);
  std::string raw();  // once
  std::string hex();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Hex SHA-256 of all of it, or of [0, source.size); `also` sees the bytes too. Throws Error
// "archive.changed" when it can't be read to its end.
std::string sha256_of(const Source& source,
                      const std::function<void(std::string_view)>& also = nullptr);
std::string sha256_of(std::string_view text);

}  // namespace stream::archive
