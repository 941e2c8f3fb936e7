#include "webrtc/stun.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "base/bytes.h"

namespace stream::webrtc {
namespace {

constexpr uint32_t kCookie = 0x2112a442;
constexpr uint32_t kFingerprintMask = 0x5354554e;  // RFC 8489 14.7
constexpr size_t kStunHeader = 20, kIntegritySize = 20;

enum Attribute : uint16_t {  // RFC 8489 18.3, RFC 8445 16.1
  kMappedAddress = 0x0001,
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000a,
  kRealm = 0x0014,
  kNonce = 0x0015,
  kMessageIntegritySha256 = 0x001c,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kSoftware = 0x8022,
  kFingerprintAttribute = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802a,
};

constexpr auto kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? value >> 1 ^ 0xedb88320u : value >> 1;
    table[i] = value;
  }
  return table;
}();

uint32_t fingerprint_of(Bytes bytes) {
  uint32_t crc = ~0u;
  for (const uint8_t byte : bytes) crc = kCrcTable[(crc ^ byte) & 0xff] ^ crc >> 8;
  return ~crc ^ kFingerprintMask;
}

// RFC 8489 14.5: over what comes before the attribute, with the length as if it were the last.
std::array<uint8_t, kIntegritySize> integrity_of(Bytes covered, std::string_view password) {
  std::array<uint8_t, kStunHeader> head{};
  std::copy_n(covered.begin(), kStunHeader, head.begin());
  const size_t length = covered.size() - kStunHeader + 4 + kIntegritySize;
  head[2] = static_cast<uint8_t>(length >> 8);
  head[3] = static_cast<uint8_t>(length);
  std::array<uint8_t, kIntegritySize> digest{};
  std::array<uint8_t, 64> block{};
  uint8_t message[2048];
  if (covered.size() > sizeof message) return digest;
  std::copy(head.begin(), head.end(), message);
  std::copy(covered.begin() + kStunHeader, covered.end(), message + kStunHeader);
  unsigned size = 0;
  HMAC(EVP_sha1(), password.data(), static_cast<int>(password.size()), message, covered.size(),
       block.data(), &size);
  std::copy_n(block.begin(), kIntegritySize, digest.begin());
  return digest;
}

// RFC 8489 14.2: the cookie and the transaction id over port and address.
std::optional<Endpoint> read_xor_address(Bytes value, const TransactionId& transaction) {
  ByteReader reader(value);
  reader.skip(1);
  const uint8_t family = reader.u8();
  const uint16_t port = reader.u16() ^ (kCookie >> 16);
  namespace ip = boost::asio::ip;
  if (family == 1) {
    const uint32_t address = reader.u32() ^ kCookie;
    if (!reader.ok() || reader.remaining() != 0) return std::nullopt;
    return Endpoint(ip::address_v4(address), port);
  }
  const Bytes bytes = reader.bytes(16);
  if (family != 2 || !reader.ok() || reader.remaining() != 0) return std::nullopt;
  ip::address_v6::bytes_type address{};
  for (size_t i = 0; i < 16; ++i)
    address[i] =
        bytes[i] ^ (i < 4 ? static_cast<uint8_t>(kCookie >> (24 - 8 * i)) : transaction[i - 4]);
  return Endpoint(ip::address_v6(address), port);
}

// False: the attribute is damaged.
bool take_attribute(StunMessage& message, uint16_t type, Bytes value) {
  ByteReader reader(value);
  switch (type) {
    case kUsername:
      if (value.size() > 513) return false;  // RFC 8489 14.3
      message.username = reader.text(value.size());
      return true;
    case kSoftware:
      message.software = reader.text(value.size());
      return true;
    case kPriority:
      message.priority = reader.u32();
      return value.size() == 4;
    case kUseCandidate:
      message.use_candidate = true;
      return value.empty();
    case kIceControlled:
      message.controlled = reader.u64();
      return value.size() == 8;
    case kIceControlling:
      message.controlling = reader.u64();
      return value.size() == 8;
    case kXorMappedAddress:
      message.mapped = read_xor_address(value, message.transaction);
      return message.mapped.has_value();
    case kErrorCode: {
      reader.skip(2);
      const int hundreds = reader.u8() & 7, rest = reader.u8();
      message.error = static_cast<uint16_t>(hundreds * 100 + rest);
      return reader.ok() && hundreds >= 3 && hundreds <= 6 && rest < 100;
    }
    case kMappedAddress:
    case kUnknownAttributes:
    case kRealm:
    case kNonce:
    case kMessageIntegritySha256:
      return true;
    default:
      if (type >= 0x8000) return true;
      if (message.unknown_count < message.unknown.size())
        message.unknown[message.unknown_count] = type;
      ++message.unknown_count;
      return true;
  }
}

}  // namespace

bool StunMessage::is_by(std::string_view password) const {
  if (!has_integrity || password.empty()) return false;
  const auto wanted = integrity_of(covered, password);
  return CRYPTO_memcmp(wanted.data(), integrity.data(), kIntegritySize) == 0;
}

std::optional<StunMessage> parse_stun(Bytes datagram) {
  ByteReader reader(datagram);
  const uint16_t type = reader.u16(), length = reader.u16();
  const uint32_t cookie = reader.u32();
  const Bytes id = reader.bytes(12);
  if (!reader.ok() || type & 0xc000 || cookie != kCookie || length % 4 != 0 ||
      length != reader.remaining() || datagram.size() > 2048)
    return std::nullopt;
  StunMessage message;
  // RFC 8489 5: the two bits of the class stand between those of the method.
  message.kind = static_cast<StunClass>((type >> 7 & 2) | (type >> 4 & 1));
  message.method = static_cast<uint16_t>((type & 0xf) | (type >> 1 & 0x70) | (type >> 2 & 0xf80));
  std::copy(id.begin(), id.end(), message.transaction.begin());
  while (reader.remaining() > 0) {
    const size_t at = reader.position();
    const uint16_t attribute = reader.u16(), size = reader.u16();
    const Bytes value = reader.bytes(size);
    reader.skip((4 - size % 4) % 4);
    if (!reader.ok()) return std::nullopt;
    if (attribute == kFingerprintAttribute) {  // always the last
      const Bytes before = datagram.first(at);
      ByteReader number(value);
      if (size != 4 || reader.remaining() != 0 || number.u32() != fingerprint_of(before))
        return std::nullopt;
      message.has_fingerprint = true;
    } else if (message.has_integrity) {
      continue;  // RFC 8489 14.5: not protected, so not looked at
    } else if (attribute == kMessageIntegrity) {
      if (size != kIntegritySize) return std::nullopt;
      message.has_integrity = true;
      message.covered = datagram.first(at);
      message.integrity = value;
    } else if (!take_attribute(message, attribute, value)) {
      return std::nullopt;
    }
  }
  return message;
}

StunWriter::StunWriter(StunClass kind, const TransactionId& transaction, uint16_t method) {
  ByteWriter head;
  const auto bits = static_cast<unsigned>(kind);
  head.u16(static_cast<uint16_t>((method & 0xf) | (method & 0x70) << 1 | (method & 0xf80) << 2 |
                                 (bits & 2) << 7 | (bits & 1) << 4));
  head.u16(0);
  head.u32(kCookie);
  head.bytes(transaction);
  out_ = head.take();
}

void StunWriter::set_length(size_t length) {
  out_[2] = static_cast<uint8_t>(length >> 8);
  out_[3] = static_cast<uint8_t>(length);
}

StunWriter& StunWriter::attribute(uint16_t type, Bytes value) {
  for (const size_t number : {size_t{type}, value.size()}) {
    out_.push_back(static_cast<uint8_t>(number >> 8));
    out_.push_back(static_cast<uint8_t>(number));
  }
  out_.insert(out_.end(), value.begin(), value.end());
  out_.resize((out_.size() + 3) / 4 * 4);
  return *this;
}

StunWriter& StunWriter::username(std::string_view value) {
  return attribute(kUsername, {reinterpret_cast<const uint8_t*>(value.data()), value.size()});
}

StunWriter& StunWriter::priority(uint32_t value) {
  ByteWriter number;
  number.u32(value);
  return attribute(kPriority, number.view());
}

StunWriter& StunWriter::use_candidate() {
  return attribute(kUseCandidate, {});
}

StunWriter& StunWriter::controlling(uint64_t tie_breaker) {
  ByteWriter number;
  number.u64(tie_breaker);
  return attribute(kIceControlling, number.view());
}

StunWriter& StunWriter::controlled(uint64_t tie_breaker) {
  ByteWriter number;
  number.u64(tie_breaker);
  return attribute(kIceControlled, number.view());
}

StunWriter& StunWriter::mapped(const Endpoint& endpoint) {
  ByteWriter value;
  const auto address = endpoint.address();
  value.u8(0);
  value.u8(address.is_v4() ? 1 : 2);
  value.u16(endpoint.port() ^ (kCookie >> 16));
  if (address.is_v4()) {
    value.u32(address.to_v4().to_uint() ^ kCookie);
  } else {
    const auto bytes = address.to_v6().to_bytes();
    for (size_t i = 0; i < 16; ++i)  // the cookie and the transaction id stand at 4..19
      value.u8(bytes[i] ^ out_[4 + i]);
  }
  return attribute(kXorMappedAddress, value.view());
}

StunWriter& StunWriter::error(uint16_t code, std::string_view reason) {
  ByteWriter value;
  value.u16(0);
  value.u8(static_cast<uint8_t>(code / 100));
  value.u8(static_cast<uint8_t>(code % 100));
  value.text(reason);
  return attribute(kErrorCode, value.view());
}

StunWriter& StunWriter::unknown(std::span<const uint16_t> attributes) {
  ByteWriter value;
  for (const uint16_t type : attributes) value.u16(type);
  return attribute(kUnknownAttributes, value.view());
}

std::vector<uint8_t> StunWriter::finish(std::string_view password) {
  if (!password.empty()) {
    const auto integrity = integrity_of(out_, password);
    attribute(kMessageIntegrity, integrity);
  }
  set_length(out_.size() - kStunHeader + 8);
  ByteWriter crc;
  crc.u32(fingerprint_of(out_));
  attribute(kFingerprintAttribute, crc.view());
  return std::move(out_);
}

}  // namespace stream::webrtc
