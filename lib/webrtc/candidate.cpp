#include <algorithm>

#include "webrtc/sdp.h"
#include "webrtc/sdp_text.h"

namespace stream::webrtc {

std::optional<Candidate> parse_candidate(std::string_view value) {
  Candidate result;
  const auto foundation = take_word(value);
  const auto component = number_of<int>(take_word(value), 1, 256);
  const auto transport = take_word(value);
  const auto priority = number_of<uint32_t>(take_word(value), 0, 0xffffffffu);
  const auto address = take_word(value);
  const auto port = number_of<uint16_t>(take_word(value), 0, 65535);
  if (take_word(value) != "typ") return std::nullopt;
  const auto type = take_word(value);
  if (foundation.empty() || foundation.size() > 32 || !component || !priority || !port ||
      transport.empty() || transport.size() > 16 || address.empty() || address.size() > 255 ||
      type.empty() || type.size() > 16)
    return std::nullopt;
  result.foundation = foundation;
  result.component = *component;
  result.transport = transport;
  std::transform(transport.begin(), transport.end(), result.transport.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  result.priority = *priority;
  result.address = address;
  result.port = *port;
  result.type = type;
  return result;
}

std::string to_text(const Candidate& candidate) {
  return candidate.foundation + " " + std::to_string(candidate.component) + " " +
         candidate.transport + " " + std::to_string(candidate.priority) + " " + candidate.address +
         " " + std::to_string(candidate.port) + " typ " + candidate.type +
         (candidate.tcp_type.empty() ? "" : " tcptype " + candidate.tcp_type);
}

Candidate host_candidate(const boost::asio::ip::address& address, uint16_t port, size_t index) {
  Candidate result;
  result.foundation = std::to_string(index + 1);
  // RFC 8445 5.1.2.1: host, the local preference falling, component 1.
  const auto local = static_cast<uint32_t>(65535 - std::min<size_t>(index, 65535));
  result.priority = 126u << 24 | local << 8 | 255u;
  result.address = address.to_string();
  result.port = port;
  return result;
}

Candidate tcp_candidate(const Candidate& udp, size_t index) {
  Candidate result = udp;
  result.foundation = "tcp" + udp.foundation;
  result.transport = "tcp";
  result.tcp_type = "passive";
  // RFC 6544 4.2: a type preference below UDP's, passive as direction.
  const auto other = static_cast<uint32_t>(8191 - std::min<size_t>(index, 8191));
  result.priority = 90u << 24 | (4u << 13 | other) << 8 | 255u;
  return result;
}

}  // namespace stream::webrtc
