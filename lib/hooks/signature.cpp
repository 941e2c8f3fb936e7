#include "hooks/signature.h"

#include <charconv>

#include "base/lower.h"
#include "base/text.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace stream::hooks {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr size_t kLeast = 24, kMost = 64;  // bytes of a key
constexpr size_t kMaxId = 256;
constexpr size_t kMaxSignatures = 16;  // of keys that are being replaced

// Base64 is base64url with two other letters, and padding, which may be left out.
std::optional<std::vector<uint8_t>> from_base64(std::string_view text) {
  std::string other(text);
  while (other.size() + 2 > text.size() && other.ends_with('=')) other.pop_back();
  for (char& c : other) {
    if (c == '-' || c == '_') return std::nullopt;
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  auto bytes = crypto::from_base64url(other);
  explicit_bzero(other.data(), other.size());
  return bytes;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<std::string_view> take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == text.npos) return std::nullopt;
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Printable, no space and no dot: nothing that would make two messages of one signed text.
bool is_signable_id(std::string_view text) {
  if (text.empty() || text.size() > kMaxId) return false;
  for (const char c : text)
    if (c <= ' ' || c > '~' || c == '.') return false;
  return true;
}

}  // namespace

std::optional<Key> parse_key(const Secret& secret) {
  const std::string_view text = secret.reveal();
  if (!text.starts_with(kPrefix)) return std::nullopt;
  auto key = from_base64(text.substr(kPrefix.size()));
  if (!key || key->size() < kLeast || key->size() > kMost) return std::nullopt;
  return key;
}

Secret new_secret() {
  return Secret(std::string(kPrefix) + crypto::base64(crypto::random_bytes(32)));
}

std::string sign(const Key& key, std::string_view id, int64_t timestamp, std::string_view body) {
  std::string text(id);
  text += "." + std::to_string(timestamp) + ".";
  text += body;
  return "v1," + crypto::base64(crypto::hmac_sha256(key, crypto::bytes_of(text)));
}

std::optional<Received> parse_message(std::string_view text) {
  Received message;
  bool has_id = false, has_time = false, has_signature = false, first = true;
  for (;;) {
    const auto line = take_line(text);
    if (!line) return std::nullopt;
    if (line->empty()) break;
    const size_t colon = line->find(':');
    const bool request_line = first && line->find(" HTTP/1.") != line->npos;
    first = false;
    if (request_line) continue;
    if (colon == line->npos) return std::nullopt;
    const std::string name = lower(line->substr(0, colon));
    const std::string_view value = trimmed(line->substr(colon + 1));
    if (name == "webhook-id") {
      if (has_id || !is_signable_id(value)) return std::nullopt;
      message.id = value;
      has_id = true;
    } else if (name == "webhook-timestamp") {
      const auto [end, error] =
          std::from_chars(value.data(), value.data() + value.size(), message.timestamp);
      if (has_time || error != std::errc() || end != value.data() + value.size() ||
          message.timestamp < 0 || value != std::to_string(message.timestamp))
        return std::nullopt;
      has_time = true;
    } else if (name == "webhook-signature") {
      if (has_signature) return std::nullopt;
      message.signature = value;
      has_signature = true;
    }
  }
  if (!has_id || !has_time || !has_signature) return std::nullopt;
  message.body = text;
  return message;
}

std::string reject_reason(const Key& key, const Received& message, int64_t now,
                          std::chrono::seconds tolerance) {
  const std::string right = sign(key, message.id, message.timestamp, message.body);
  std::string_view rest = message.signature;
  bool found = false;
  for (size_t i = 0; i < kMaxSignatures && !rest.empty(); ++i) {
    const size_t end = std::min(rest.find(' '), rest.size());
    found = equal_constant_time(rest.substr(0, end), right) || found;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (!found) return "no signature of it is by this secret";
  // The clock is asked after the signature: of a forged message nothing is told.
  const int64_t age = now - message.timestamp;
  if (age > tolerance.count()) return "it was sent " + std::to_string(age) + " s ago";
  if (-age > tolerance.count()) return "its time is " + std::to_string(-age) + " s ahead";
  return {};
}

}  // namespace stream::hooks
