// The answers of OAuth issuers as values, and PKCE (RFC 7636). Bytes in, values out: no socket and
// no clock. What an issuer sends is a stranger's: strict JSON, bounded, never shown unescaped.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace stream::logins {

enum class Outcome {
  kOk,
  kPending,    // the user has not answered yet (RFC 8628 3.5)
  kSlowDown,   // ask 5 s less often, for good
  kDenied,     // by the user, or for another reason that will not change
  kExpired,    // the device code is over
  kInvalid,    // the refresh token counts no more: log in again
  kTemporary,  // overloaded, broken or not understood: try again later
};

struct TokenAnswer {
  Outcome outcome = Outcome::kTemporary;
  Secret access, refresh;  // refresh may be empty
  int64_t expires_in = 0;  // seconds; 0: not said
  std::string reason;      // the issuer's word, escaped
};
// `status` 0 is no answer at all.
TokenAnswer read_token_answer(int status, std::string_view body);

struct DeviceAnswer {
  bool ok = false;
  Secret device_code;
  std::string user_code, verification_uri;
  int64_t interval = 5, expires_in = 1800;
  std::string reason;
};
DeviceAnswer read_device_answer(int status, std::string_view body);

struct Pkce {
  Secret verifier;
  std::string challenge;  // S256
};
Pkce make_pkce();
std::string pkce_challenge(std::string_view verifier);

// The code of a redirect "GET /?code=C&state=S HTTP/1.1" or of a pasted URL; empty when it carries
// another state, an error or no code.
struct Redirect {
  Secret code;
  std::string error;
};
Redirect read_redirect(std::string_view text, std::string_view state);

}  // namespace stream::logins
