// RTP packets (RFC 3550 5.1) with one- and two-byte header extensions (RFC 8285). Pure: spans point
// into the caller's bytes, nothing is allocated while parsing.
#pragma once
#include <cstdint>
#include <optional>
#include <type_traits>

#include "base/buffer.h"

namespace stream::rtp {

inline constexpr size_t kHeaderSize = 12;

struct Packet {
  bool marker = false;
  uint8_t payload_type = 0;
  uint16_t sequence = 0;
  uint32_t timestamp = 0, ssrc = 0;
  uint16_t extension_profile = 0;  // 0xbede, 0x1000..0x100f; 0: none
  Bytes extensions;                // as they came
  Bytes payload;                   // without padding

  // The value of the header extension `id`; nullopt: not there, or the block is damaged before it.
  std::optional<Bytes> extension(uint8_t id) const;
};

// nullopt: not version 2, or a length that runs past the end.
std::optional<Packet> parse_packet(Bytes bytes);

// What stands on the same port: RFC 7983 and RFC 5761 4. True for RTCP, of what is RTP or RTCP.
inline bool is_rtcp(Bytes bytes) {
  return bytes.size() >= 2 && bytes[1] >= 192 && bytes[1] <= 223;
}

struct Header {
  bool marker = false;
  uint8_t payload_type = 0;
  uint16_t sequence = 0;
  uint32_t timestamp = 0, ssrc = 0;
};
// kHeaderSize bytes, without extensions.
void write_header(const Header& header, uint8_t* out);

// Numbers that wrap (16 bits of sequence, 32 bits of time) as ones that don't. The first is kept as
// it is; each next one is the nearest to the newest seen.
template <typename Number>
class Unwrapper {
 public:
  int64_t operator()(Number number) {
    const int64_t value = peek(number);
    if (!started_ || value > newest_) newest_ = value;
    started_ = true;
    return value;
  }
  // The same without taking note of it.
  int64_t peek(Number number) const {
    if (!started_) return number;
    using Signed = std::make_signed_t<Number>;
    const auto step = static_cast<Signed>(static_cast<Number>(number - Number(newest_)));
    return newest_ + step;
  }
  bool started() const noexcept { return started_; }

 private:
  bool started_ = false;
  int64_t newest_ = 0;
};

}  // namespace stream::rtp
