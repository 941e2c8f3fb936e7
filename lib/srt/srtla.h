// The packets of SRTLA, by which a sender spreads one SRT connection over several links (BELABOX's
// protocol, version 2): SRT's own packets as they are, and a few of its own beside them, told apart
// by their first two bytes. Pure; the bytes are hostile.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/buffer.h"

namespace stream::srt {

inline constexpr size_t kSrtlaId = 256;  // bytes of a group's id; its sender chooses the first half
inline constexpr size_t kSrtlaAckBatch = 10;  // data packets of a link acknowledged at a time
using SrtlaId = std::array<uint8_t, kSrtlaId>;

struct SrtlaPacket {
  enum class Kind {
    kKeepalive,  // comes back as it is
    kNewGroup,   // REG1: a sender asks for a group
    kJoin,       // REG2: a link asks to belong to it
    kSrt,        // to be passed on
  };
  Kind kind{};
  SrtlaId id{};                      // of kNewGroup and kJoin
  std::optional<uint32_t> sequence;  // of kSrt when it is data
};

// nullopt: nothing that a receiver takes.
std::optional<SrtlaPacket> parse_srtla(Bytes packet);

// What a receiver answers.
enum class SrtlaReply : uint16_t {
  kJoined = 0x9202,   // REG3
  kRefused = 0x9210,  // REG_ERR
  kNoGroup = 0x9211,  // REG_NGP: the id is not known, or not any more
};
std::vector<uint8_t> srtla_reply(SrtlaReply reply);
std::vector<uint8_t> srtla_group(const SrtlaId& id);  // REG2: the whole id of the new group
std::vector<uint8_t> srtla_ack(std::span<const uint32_t> sequences);

// SRT's acknowledgement, by which a sender sees all its links: it goes back over each.
bool is_srt_ack(Bytes packet);

}  // namespace stream::srt
