// Whether who is outside could reach a port here. Nothing is sent anywhere: it is what this machine
// knows of its sockets, its interfaces and its packet filter.
#pragma once
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "doctor/finding.h"

namespace stream::doctor {

struct PublicPlace {
  std::string host;  // an address or a name; empty: whichever
  uint16_t port = 0;
  bool udp = false;
};
// PORT, HOST:PORT, with "/udp" behind it. Throws Error kUsage "usage.value".
PublicPlace parse_public(const std::string& text);
// `root` stands for / in paths of /proc.
Finding check_public(const std::string& root, const PublicPlace& place);

// The local addresses that listen on the port, from the text of /proc/net/tcp, tcp6, udp or udp6.
std::vector<boost::asio::ip::address> parse_listening(const std::string& text, uint16_t port,
                                                      bool udp);

}  // namespace stream::doctor
