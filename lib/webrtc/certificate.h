// The self-signed ECDSA P-256 certificate that all DTLS sessions of a process show, made at start,
// and fingerprints (RFC 8122) by which peers know each other's.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"

struct x509_st;
struct evp_pkey_st;

namespace stream::webrtc {

struct Fingerprint {
  std::string algorithm;  // sha-256, sha-384, sha-512
  std::vector<uint8_t> digest;
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

// "sha-256 AB:CD:..."; nullopt: another hash, or not the length of it.
std::optional<Fingerprint> parse_fingerprint(std::string_view text);
std::string to_text(const Fingerprint& fingerprint);

class Certificate {
 public:
  Certificate();  // throws Error "webrtc.certificate"
  const Fingerprint& fingerprint() const noexcept { return fingerprint_; }  // sha-256
  x509_st* certificate() const noexcept { return certificate_.get(); }
  evp_pkey_st* key() const noexcept { return key_.get(); }

 private:
  std::shared_ptr<evp_pkey_st> key_;
  std::shared_ptr<x509_st> certificate_;
  Fingerprint fingerprint_;
};

// Of a peer's certificate, by the wanted hash, compared in constant time.
bool matches(x509_st* certificate, const Fingerprint& wanted);

}  // namespace stream::webrtc
