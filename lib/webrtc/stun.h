// STUN messages as ICE uses them (RFC 8489, RFC 8445 7): the Binding method with short-term
// credentials. Pure: spans point into the caller's bytes, nothing is allocated while parsing.
#pragma once
#include <array>
#include <boost/asio/ip/udp.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/buffer.h"

namespace stream::webrtc {

using Endpoint = boost::asio::ip::udp::endpoint;
using TransactionId = std::array<uint8_t, 12>;

enum class StunClass : uint8_t { kRequest, kIndication, kSuccess, kError };

struct StunMessage {
  StunClass kind = StunClass::kRequest;
  uint16_t method = 1;  // Binding
  TransactionId transaction{};
  std::optional<std::string_view> username, software;
  std::optional<uint32_t> priority;
  std::optional<uint64_t> controlling, controlled;  // tie-breakers
  bool use_candidate = false;
  std::optional<Endpoint> mapped;   // XOR-MAPPED-ADDRESS
  std::optional<uint16_t> error;    // 300..699
  std::array<uint16_t, 8> unknown;  // comprehension-required attributes that are not known
  size_t unknown_count = 0;         // counted beyond the array too
  bool has_fingerprint = false;     // and it is right; a wrong one makes no message
  bool has_integrity = false;

  // MESSAGE-INTEGRITY by HMAC-SHA1 under the password (RFC 8489 14.5); false without one.
  bool is_by(std::string_view password) const;

  Bytes covered;    // what the integrity covers, its length field as it came
  Bytes integrity;  // 20 bytes
};

// RFC 7983: whether a datagram can be STUN at all.
inline bool looks_like_stun(Bytes datagram) {
  return !datagram.empty() && datagram[0] < 4;
}

// nullopt: no STUN message of RFC 8489, truncated, or with a wrong FINGERPRINT.
std::optional<StunMessage> parse_stun(Bytes datagram);

// One message, attribute by attribute; finish() puts MESSAGE-INTEGRITY and FINGERPRINT last.
class StunWriter {
 public:
  StunWriter(StunClass kind, const TransactionId& transaction, uint16_t method = 1);

  StunWriter& username(std::string_view value);
  StunWriter& priority(uint32_t value);
  StunWriter& use_candidate();
  StunWriter& controlling(uint64_t tie_breaker);
  StunWriter& controlled(uint64_t tie_breaker);
  StunWriter& mapped(const Endpoint& endpoint);
  StunWriter& error(uint16_t code, std::string_view reason);
  StunWriter& unknown(std::span<const uint16_t> attributes);
  StunWriter& attribute(uint16_t type, Bytes value);
  // An empty password: without MESSAGE-INTEGRITY.
  std::vector<uint8_t> finish(std::string_view password);

 private:
  void set_length(size_t length);
  std::vector<uint8_t> out_;
};

}  // namespace stream::webrtc
