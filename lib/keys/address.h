// Blocks of addresses (CIDR), and which addresses are nobody's on the public network.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stream::keys {

// An IPv4 address is its mapped IPv6 form (RFC 4291 2.5.5.2), so that both spellings are one.
using Address = std::array<uint8_t, 16>;
std::optional<Address> parse_address(std::string_view text);

std::string text_of(const Address& address);

struct AddressBlock {
  Address address{};
  int bits = 128;
  bool contains(const Address& other) const;
};
// "10.0.0.0/8", "2001:db8::/32", or one address. Bits beyond the length must be zero.
std::optional<AddressBlock> parse_block(std::string_view text);

// Loopback, private, link-local (where clouds keep their metadata), shared, reserved or multicast
// (the registries of RFC 6890), also as IPv4 within IPv6 (mapped, 6to4, NAT64).
bool is_inner(const Address& address);

}  // namespace stream::keys
