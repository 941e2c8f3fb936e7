// Standard Webhooks (standardwebhooks.com, specification 1.0.0): what says who sent a message and
// when. Pure; bytes in, values out.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"

namespace stream::hooks {

// "whsec_" and the base64 of 24 to 64 bytes. nullopt: not such a secret.
using Key = std::vector<uint8_t>;
std::optional<Key> parse_key(const Secret& secret);
// A new one of 32 random bytes, in that form.
Secret new_secret();

// The value of the header webhook-signature: "v1,BASE64".
std::string sign(const Key& key, std::string_view id, int64_t timestamp, std::string_view body);

// A message as it is received: a request line may stand before its headers, an empty line ends
// them, the rest is the body. nullopt: no such message, or one of the three headers is missing or
// stands twice.
struct Received {
  std::string id, signature;
  int64_t timestamp = 0;
  std::string body;
};
std::optional<Received> parse_message(std::string_view text);

// Empty when it is by the holder of the key and not older or newer than `tolerance`; else why not.
std::string reject_reason(const Key& key, const Received& message, int64_t now,
                          std::chrono::seconds tolerance);

}  // namespace stream::hooks
