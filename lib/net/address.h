// What an address is, and which network it belongs to. Pure.
#pragma once
#include <boost/asio/ip/address.hpp>

namespace stream::net {

// Not of the public internet: loopback, private (RFC 1918, RFC 4193), shared (RFC 6598),
// link-local, multicast, unspecified and reserved; also when it is mapped or translated into IPv6.
bool is_inner_address(const boost::asio::ip::address& address);
// An IPv4 address that a socket for both shows as IPv6 (RFC 4291 2.5.5.2) as what it is.
boost::asio::ip::address unmapped(const boost::asio::ip::address& address);

}  // namespace stream::net
