// What the parts of packetiser.cpp share.
#pragma once
#include "rtp/packetiser.h"

namespace stream::rtp {

// Parts of at most `max` bytes that are of one size, as far as that goes: a short last packet costs
// as much as a full one.
std::vector<Bytes> even_parts(Bytes bytes, size_t max);
Buffer joined(Bytes head, Bytes body);

std::unique_ptr<Packetiser> make_vp8_packetiser(size_t max);
std::unique_ptr<Packetiser> make_vp9_packetiser(size_t max);
std::unique_ptr<Packetiser> make_av1_packetiser(size_t max);

}  // namespace stream::rtp
