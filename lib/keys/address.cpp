#include "keys/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

namespace stream::keys {

std::optional<Address> parse_address(std::string_view text) {
  Address address{};
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) return std::nullopt;
  if (::inet_pton(AF_INET6, terminated.c_str(), address.data()) == 1) return address;
  address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
  if (::inet_pton(AF_INET, terminated.c_str(), address.data() + 12) == 1) return address;
  return std::nullopt;
}

std::string text_of(const Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  const bool v4 = IN6_IS_ADDR_V4MAPPED(reinterpret_cast<const in6_addr*>(address.data()));
  ::inet_ntop(v4 ? AF_INET : AF_INET6, address.data() + (v4 ? 12 : 0), text, sizeof text);
  return text;
}

bool AddressBlock::contains(const Address& other) const {
  const size_t whole = static_cast<size_t>(bits) / 8;
  if (!std::equal(address.begin(), address.begin() + whole, other.begin())) return false;
  const int rest = bits % 8;
  return rest == 0 || ((address[whole] ^ other[whole]) & (0xff << (8 - rest)) & 0xff) == 0;
}

std::optional<AddressBlock> parse_block(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::nullopt;
  AddressBlock block{*address, 128};
  if (slash != std::string_view::npos) {
    const std::string_view length = text.substr(slash + 1);
    const bool v4 = text.find(':') == std::string_view::npos;
    int bits = -1;
    const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), bits);
    if (error != std::errc() || end != length.data() + length.size() || bits < 0 ||
        bits > (v4 ? 32 : 128))
      return std::nullopt;
    block.bits = v4 ? bits + 96 : bits;
  }
  Address network = block.address;
  for (int bit = block.bits; bit < 128; ++bit)
    network[static_cast<size_t>(bit) / 8] &= static_cast<uint8_t>(~(0x80 >> (bit % 8)));
  if (network != block.address) return std::nullopt;
  return block;
}

bool is_inner(const Address& address) {
  static const std::vector<AddressBlock> inner = [] {
    std::vector<AddressBlock> blocks;
    for (const char* text :
         {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
          "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3",
          "::/96", "64:ff9b:1::/48", "100::/64", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"})
      blocks.push_back(*parse_block(text));
    return blocks;
  }();
  if (std::any_of(inner.begin(), inner.end(),
                  [&](const AddressBlock& block) { return block.contains(address); }))
    return true;
  // An IPv4 address that a gateway or a tunnel takes out of the IPv6 one.
  static const AddressBlock nat64 = *parse_block("64:ff9b::/96"),
                            sixtofour = *parse_block("2002::/16");
  Address v4 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
  if (nat64.contains(address))
    std::copy_n(address.begin() + 12, 4, v4.begin() + 12);
  else if (sixtofour.contains(address))
    std::copy_n(address.begin() + 2, 4, v4.begin() + 12);
  else
    return false;
  return is_inner(v4);
}

}  // namespace stream::keys
