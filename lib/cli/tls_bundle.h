// --cert and --key of programs that speak TLS to who connects.
#pragma once
#include <string>

#include "cli/command.h"

namespace stream::cli {

struct TlsBundle {
  std::string certificate, key;  // PEM file; PEM file or source of a secret

  // `schemes` for people: "rtmps:// and whips://".
  void declare(Command& command, const std::string& schemes);
  // Both are there if `used`, that is something listens on `schemes`, and else none. Throws Error
  // kUsage `id`; `example` is an address that would use them.
  void check(bool used, const std::string& id, const std::string& schemes,
             const std::string& example) const;
};

}  // namespace stream::cli
