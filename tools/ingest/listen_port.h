// The ports of --listen.
#pragma once
#include <cstdint>
#include <string>

namespace stream::ingest {

// Where publishers of a scheme come to, "rtmp" or another of --listen, when nobody says otherwise.
uint16_t usual_port(const std::string& scheme);
// Of an address of --listen, which is a URL; 0: any that is free, as the address says by ":0".
uint16_t listen_port(const std::string& address);

}  // namespace stream::ingest
