// Tokens in the place of an ingest key: who may publish a stream, until when, signed by somebody
// who need not reach this machine (stream-keys token publish). No clock and no file in here, but
// for the public key's.
#pragma once
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "crypto/jwt.h"

namespace stream::keys {

// The audience is "publish:STREAM": a viewer's token, or one for another stream, opens nothing.
nlohmann::ordered_json publish_claims(const std::string& stream, const std::string& user,
                                      std::chrono::sys_seconds now, std::chrono::seconds life);

struct PublishToken {
  std::optional<std::string> stream;  // that it lets publish to
  std::string reason;                 // why it does not, for the operator
};
PublishToken check_publish_token(std::string_view token, const crypto::VerifyKey& key,
                                 std::chrono::sys_seconds now);
// Whether the text has the form of a token: three parts, of letters that tokens have.
bool looks_like_token(std::string_view text);

// A public key as stream-keys token public-key prints it (JWK, RFC 8037). Throws Error kConfig
// "token.key", or that the file can't be read.
crypto::VerifyKey read_public_key(const std::string& path);

}  // namespace stream::keys
