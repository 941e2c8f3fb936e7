// Where a server is told to listen: http://ADDRESS:PORT, or https:// where it has a certificate.
#pragma once
#include <cstdint>
#include <string>

namespace stream::http {

struct ListenAddress {
  std::string host;
  uint16_t port = 80;  // 443 of https; 0: any that is free
  bool tls = false;
};

// What stands in front of "://".
enum class Schemes { kHttp, kHttpAndHttps };

// Throws Error kUsage "usage.value" that names the option --listen.
ListenAddress listen_address(const std::string& url, Schemes schemes = Schemes::kHttp);

}  // namespace stream::http
