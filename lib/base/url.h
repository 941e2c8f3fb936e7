// URLs as the programs need them: scheme://[user[:password]@]host[:port]/path[?query]. IPv6 hosts
// are in brackets in text and without them here. Nothing is percent-decoded.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stream {

struct Url {
  std::string scheme, user, password, host;
  uint16_t port = 0;  // 0: not given
  std::string path;   // with its leading '/', or empty
  std::string query;  // without '?'

  // "127.0.0.1:1935" or "[::1]:1935".
  std::string authority(uint16_t default_port = 0) const;
  // For logs and errors: scheme, host, port and the first path segment; all that may hold a key is
  // cut.
  std::string redacted() const;
};

// nullopt when it is no URL: no "://", bad port, control characters.
std::optional<Url> parse_url(std::string_view text);

// Where publishers of `stream` post to (RFC 9725) when somebody listens on `at`; nullopt: that is
// neither whip:// nor whips://.
std::optional<std::string> whip_url(const Url& at, std::string_view stream);

bool is_loopback_host(std::string_view host);
// "192.0.2.1:1935", "[2001:db8::1]:1935".
std::string host_port(std::string_view host, uint16_t port);

}  // namespace stream
