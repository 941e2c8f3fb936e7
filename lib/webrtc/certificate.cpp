#include "webrtc/certificate.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <array>

#include "base/error.h"

namespace stream::webrtc {
namespace {

const EVP_MD* hash_by(std::string_view algorithm) {
  if (algorithm == "sha-256") return EVP_sha256();
  if (algorithm == "sha-384") return EVP_sha384();
  if (algorithm == "sha-512") return EVP_sha512();
  return nullptr;
}

std::vector<uint8_t> digest_of(const X509* certificate, const EVP_MD* hash) {
  std::array<uint8_t, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  if (X509_digest(certificate, hash, bytes.data(), &size) != 1) return {};
  return {bytes.begin(), bytes.begin() + size};
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

void check(bool ok) {
  if (ok) return;
  ERR_clear_error();
  throw Error(Exit::kNo, "webrtc.certificate",
              "cannot make the certificate for WebRTC: OpenSSL has no ECDSA P-256",
              "check the OpenSSL configuration of this machine (OPENSSL_CONF)");
}

}  // namespace

std::optional<Fingerprint> parse_fingerprint(std::string_view text) {
  const size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  Fingerprint result;
  for (const char c : text.substr(0, space))
    result.algorithm += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const EVP_MD* hash = hash_by(result.algorithm);
  if (hash == nullptr) return std::nullopt;
  const std::string_view digits = text.substr(space + 1);
  const auto size = static_cast<size_t>(EVP_MD_get_size(hash));
  if (digits.size() != size * 3 - 1) return std::nullopt;
  for (size_t i = 0; i < digits.size(); i += 3) {
    const int high = hex_digit(digits[i]), low = hex_digit(digits[i + 1]);
    if (high < 0 || low < 0 || (i + 2 < digits.size() && digits[i + 2] != ':')) return std::nullopt;
    result.digest.push_back(static_cast<uint8_t>(high << 4 | low));
  }
  return result;
}

std::string to_text(const Fingerprint& fingerprint) {
  std::string text = fingerprint.algorithm;
  char separator = ' ';
  for (const uint8_t byte : fingerprint.digest) {
    text += separator;
    text += "0123456789ABCDEF"[byte >> 4];
    text += "0123456789ABCDEF"[byte & 15];
    separator = ':';
  }
  return text;
}

Certificate::Certificate()
    : key_(EVP_EC_gen("P-256"), EVP_PKEY_free), certificate_(X509_new(), X509_free) {
  check(key_ && certificate_);
  X509* x509 = certificate_.get();
  uint64_t serial = 0;
  check(RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1);
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509), serial >> 1 | 1);
  // Peers look at the fingerprint alone; clocks that differ must not matter.
  X509_gmtime_adj(X509_getm_notBefore(x509), -24 * 3600);
  X509_time_adj_ex(X509_getm_notAfter(x509), 3650, 0, nullptr);
  X509_set_pubkey(x509, key_.get());
  X509_NAME* name = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("stream"), -1, -1, 0);
  X509_set_issuer_name(x509, name);
  check(X509_sign(x509, key_.get(), EVP_sha256()) > 0);
  fingerprint_ = {"sha-256", digest_of(x509, EVP_sha256())};
}

bool matches(X509* certificate, const Fingerprint& wanted) {
  const EVP_MD* hash = hash_by(wanted.algorithm);
  if (certificate == nullptr || hash == nullptr) return false;
  const auto digest = digest_of(certificate, hash);
  return !digest.empty() && digest.size() == wanted.digest.size() &&
         CRYPTO_memcmp(digest.data(), wanted.digest.data(), digest.size()) == 0;
}

}  // namespace stream::webrtc
