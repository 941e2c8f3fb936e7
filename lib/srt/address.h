// srt://HOST:PORT[?option=value&...] as people write it, or srtla:// for several links. Holds no
// secret that was not written into it; where a passphrase or stream id names its source
// ("@vault:NAME"), the program reads it.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace stream::srt {

struct Settings;

struct Address {
  enum class Mode { kCaller, kRendezvous };
  std::string host;  // empty: all addresses (to listen on)
  uint16_t port = 0;
  Mode mode = Mode::kCaller;
  std::chrono::milliseconds latency{120};
  std::string passphrase, stream_id;  // as written; percent-encoding is taken off
  std::string adapter;                // our own address, numeric; empty: whichever the system takes
  int key_length = 0;                 // bytes: 16, 24, 32; 0: as the peer
};

// Throws Error kUsage "srt.url", which shows no value that may be a secret.
Address parse_address(std::string_view text);

// Throws Error kUsage "srt.passphrase" unless it has 10 to 79 characters (or none).
void check_passphrase(std::string_view passphrase);

// What a connection to the address, or a listener on it, is made with. `read` turns the passphrase
// and the stream id as written into what they stand for, and the passphrase is checked; without it
// they stay as written.
using ReadSecret = std::function<Secret(const std::string&)>;
Settings settings_of(const Address& address, const ReadSecret& read = {});

}  // namespace stream::srt
