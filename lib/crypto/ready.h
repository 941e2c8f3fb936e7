// Internal to lib/crypto: libsodium is set up once, before its first use in any thread.
#pragma once
#include <sodium.h>

#include <cstdlib>

namespace stream::crypto {

inline void ready() {
  static const int state = sodium_init();
  if (state < 0) std::abort();  // no source of randomness: nothing may go on
}

}  // namespace stream::crypto
