// Where a server is told to listen: http://ADDRESS:PORT.
#pragma once
#include <cstdint>
#include <string>

namespace stream::http {

struct ListenAddress {
  std::string host;
  uint16_t port = 80;  // 0: any that is free
};

// Throws Error kUsage "usage.value" that names the option --listen.
ListenAddress listen_address(const std::string& url);

}  // namespace stream::http
