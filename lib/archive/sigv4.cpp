#include "archive/sigv4.h"

#include <algorithm>
#include <ctime>

#include "base/lower.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace stream::archive {

namespace {

using crypto::bytes_of;

// Without spaces at the ends, runs of them within made one.
std::string tidy(std::string_view value) {
  std::string out;
  for (const char c : value) {
    const bool space = c == ' ' || c == '\t';
    if (space && (out.empty() || out.back() == ' ')) continue;
    out += space ? ' ' : c;
  }
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

// Names in lower case, sorted by name, those of one name joined.
Pairs canonical_headers(const Pairs& headers) {
  Pairs sorted;
  for (const auto& [name, value] : headers) sorted.emplace_back(lower(name), tidy(value));
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Pairs out;
  for (auto& [name, value] : sorted) {
    if (!out.empty() && out.back().first == name)
      out.back().second += "," + value;
    else
      out.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

std::string signed_names(const Pairs& canonical) {
  std::string out;
  for (const auto& [name, value] : canonical) out += (out.empty() ? "" : ";") + name;
  return out;
}

std::string algorithm_name(const Dialect& dialect) {
  return std::string(dialect.algorithm) + "-HMAC-SHA256";
}

}  // namespace

std::string uri_encode(std::string_view text, bool keep_slash) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (c == '/' && keep_slash);
    if (plain)
      out += c;
    else
      (out += '%') += {kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

std::string canonical_query(const Pairs& query) {
  Pairs encoded;
  for (const auto& [name, value] : query)
    encoded.emplace_back(uri_encode(name, false), uri_encode(value, false));
  std::sort(encoded.begin(), encoded.end());
  std::string out;
  for (const auto& [name, value] : encoded) out += (out.empty() ? "" : "&") + name + "=" + value;
  return out;
}

std::string canonical_request(const SignedRequest& request) {
  const Pairs headers = canonical_headers(request.headers);
  std::string out = request.method + "\n" + request.path + "\n" + canonical_query(request.query);
  out += '\n';
  for (const auto& [name, value] : headers) out += name + ":" + value + "\n";
  return out + "\n" + signed_names(headers) + "\n" + request.payload_hash;
}

std::string timestamp(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &tm);
  return text;
}

std::string Scope::text(const Dialect& dialect) const {
  return time.substr(0, 8) + "/" + region + "/" + std::string(dialect.service) + "/" +
         std::string(dialect.terminator);
}

std::string signature(const Dialect& dialect, const Credentials& credentials, const Scope& scope,
                      const std::string& canonical) {
  const std::string to_sign = algorithm_name(dialect) + "\n" + scope.time + "\n" +
                              scope.text(dialect) + "\n" +
                              crypto::hex(crypto::sha256(bytes_of(canonical)));
  std::string first(dialect.algorithm);
  first += credentials.secret_key.reveal();
  crypto::Digest key = crypto::hmac_sha256(bytes_of(first), bytes_of(scope.time.substr(0, 8)));
  explicit_bzero(first.data(), first.size());
  for (const std::string_view step :
       {std::string_view(scope.region), dialect.service, dialect.terminator})
    key = crypto::hmac_sha256(key, bytes_of(step));
  return crypto::hex(crypto::hmac_sha256(key, bytes_of(to_sign)));
}

std::string authorization(const Dialect& dialect, const Credentials& credentials,
                          const Scope& scope, const SignedRequest& request) {
  return algorithm_name(dialect) + " Credential=" + credentials.access_key + "/" +
         scope.text(dialect) +
         ",SignedHeaders=" + signed_names(canonical_headers(request.headers)) +
         ",Signature=" + signature(dialect, credentials, scope, canonical_request(request));
}

std::string presigned_query(const Dialect& dialect, const Credentials& credentials,
                            const Scope& scope, SignedRequest request, unsigned seconds) {
  const std::string prefix(dialect.query_prefix);
  request.payload_hash = kUnsigned;
  request.query.insert(
      request.query.end(),
      {{prefix + "Algorithm", algorithm_name(dialect)},
       {prefix + "Credential", credentials.access_key + "/" + scope.text(dialect)},
       {prefix + "Date", scope.time},
       {prefix + "Expires", std::to_string(seconds)},
       {prefix + "SignedHeaders", signed_names(canonical_headers(request.headers))}});
  if (!credentials.session_token.empty())
    request.query.emplace_back(prefix + "Security-Token", credentials.session_token.reveal());
  const std::string query = canonical_query(request.query);
  return query + "&" + prefix +
         "Signature=" + signature(dialect, credentials, scope, canonical_request(request));
}

}  // namespace stream::archive
