// Signature Version 4 as S3 wants it, and Google's GOOG4 twin of it: pure functions, no clock, no
// socket. S3's rules: the path is encoded once and never normalised; exactly what is signed must be
// sent. Our own and not libcurl's, which signs several queries and keys wrongly (7.88 and 8.14).
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "base/time.h"

namespace stream::archive {

struct Credentials {
  std::string access_key;
  Secret secret_key, session_token;
};

// What differs between the two: "AWS4", "x-amz-", "s3", and "GOOG4", "x-goog-", "storage".
struct Dialect {
  std::string_view algorithm, header_prefix, service, terminator, query_prefix;
};
inline constexpr Dialect kAws{"AWS4", "x-amz-", "s3", "aws4_request", "X-Amz-"};
inline constexpr Dialect kGoog{"GOOG4", "x-goog-", "storage", "goog4_request", "X-Goog-"};

inline constexpr char kEmptyHash[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
inline constexpr char kUnsigned[] = "UNSIGNED-PAYLOAD";

using Pairs = std::vector<std::pair<std::string, std::string>>;

struct SignedRequest {
  std::string method;
  std::string path;  // encoded, with its leading '/'
  Pairs query;       // names and values as they are, not encoded
  Pairs headers;     // all that is to be signed, host among them
  std::string payload_hash = kEmptyHash;
};

// RFC 3986: all but letters, digits and "-._~" (and '/' when `keep_slash`) as %XX.
std::string uri_encode(std::string_view text, bool keep_slash);
// Encoded and sorted by name, then value; one without a value becomes "name=".
std::string canonical_query(const Pairs& query);
std::string canonical_request(const SignedRequest& request);
std::string timestamp(std::chrono::system_clock::time_point time);  // 20130524T000000Z

struct Scope {
  std::string time;  // timestamp()
  std::string region;
  std::string text(const Dialect& dialect) const;  // date/region/service/terminator
};

std::string signature(const Dialect& dialect, const Credentials& credentials, const Scope& scope,
                      const std::string& canonical);
// The value of the header Authorization.
std::string authorization(const Dialect& dialect, const Credentials& credentials,
                          const Scope& scope, const SignedRequest& request);
// The query, signature included, of a URL that anybody may use for `seconds`.
std::string presigned_query(const Dialect& dialect, const Credentials& credentials,
                            const Scope& scope, SignedRequest request, unsigned seconds);

}  // namespace stream::archive
