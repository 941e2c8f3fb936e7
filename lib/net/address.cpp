#include "net/address.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace stream::net {
namespace {

using boost::asio::ip::address_v4;
using boost::asio::ip::address_v6;

struct Network {
  uint32_t prefix;
  int bits;
};
// The IANA registry of special-purpose addresses (RFC 6890), and multicast and above.
constexpr Network kInner[] = {
    {0x00000000, 8},   // this network
    {0x0A000000, 8},   // private
    {0x64400000, 10},  // shared
    {0x7F000000, 8},   // loopback
    {0xA9FE0000, 16},  // link-local
    {0xAC100000, 12},  // private
    {0xC0000000, 24},  // protocol assignments
    {0xC0A80000, 16},  // private
    {0xC6120000, 15},  // benchmarks
    {0xE0000000, 3},   // multicast, reserved, broadcast
};

bool is_inner_v4(uint32_t address) {
  for (const Network& network : kInner) {
    if ((address ^ network.prefix) >> (32 - network.bits) == 0) return true;
  }
  return false;
}

uint32_t last_four(const address_v6::bytes_type& bytes) {
  return static_cast<uint32_t>(bytes[12]) << 24 | static_cast<uint32_t>(bytes[13]) << 16 |
         static_cast<uint32_t>(bytes[14]) << 8 | bytes[15];
}

bool is_inner_v6(const address_v6& address) {
  const auto bytes = address.to_bytes();
  if (address.is_v4_mapped()) return is_inner_v4(last_four(bytes));
  constexpr uint8_t kTranslated[12] = {0x00, 0x64, 0xFF, 0x9B};  // RFC 6052
  if (std::equal(std::begin(kTranslated), std::end(kTranslated), bytes.begin()))
    return is_inner_v4(last_four(bytes));
  if (bytes[0] == 0x20 && bytes[1] == 0x02)  // 6to4 (RFC 3056): behind an IPv4 router
    return is_inner_v4(static_cast<uint32_t>(bytes[2]) << 24 |
                       static_cast<uint32_t>(bytes[3]) << 16 |
                       static_cast<uint32_t>(bytes[4]) << 8 | bytes[5]);
  return (bytes[0] & 0xE0) != 0x20;  // RFC 4291 2.4: what is global begins with 001
}

}  // namespace

bool is_inner_address(const boost::asio::ip::address& address) {
  return address.is_v4() ? is_inner_v4(address.to_v4().to_uint()) : is_inner_v6(address.to_v6());
}

boost::asio::ip::address unmapped(const boost::asio::ip::address& address) {
  if (address.is_v4() || !address.to_v6().is_v4_mapped()) return address;
  return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
}

}  // namespace stream::net
