// Redundant sound (RFC 2198): a packet that repeats those before it, as browsers send when it is
// agreed. What was lost is then there with the next packet, though nobody can be asked for it.
// Pure: spans point into the packet.
#pragma once
#include <array>
#include <optional>

#include "rtp/packet.h"

namespace stream::rtp {

inline constexpr size_t kMostSpares = 4;

struct Red {
  Packet own;  // without the envelope
  // Of the sequence numbers just before it, the oldest first; `count` of them.
  std::array<Packet, kMostSpares> spares;
  size_t count = 0;
};

// nullopt: damaged, of several codecs, or with more than kMostSpares.
std::optional<Red> parse_red(const Packet& packet);

}  // namespace stream::rtp
