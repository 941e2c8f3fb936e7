// What peers are told of where a port is to be reached.
#pragma once
#include <string>
#include <vector>

#include "webrtc/sdp.h"

namespace stream::webrtc {

// Host candidates, IPv4 first. `wanted`: "ADDRESS", "ADDRESS:PORT", "[V6]:PORT"; empty: `bound`, or
// when that is unspecified all addresses of this machine, its loopback only when it has no other.
// Throws Error kUsage "webrtc.address".
std::vector<Candidate> advertised(const std::vector<std::string>& wanted,
                                  const boost::asio::ip::address& bound, uint16_t port);

}  // namespace stream::webrtc
