// One RTMP message as the chunk layer delivers or takes it, and the numbers of RTMP 1.0
// sections 5.4, 6 and 7 that both sides of a session share. Data only.
#pragma once
#include <cstdint>

#include "base/buffer.h"

namespace stream::rtmp {

// RTMP 1.0 sections 5.4, 6.1 and 7.1. An open set: unknown numbers arrive and are ignored.
enum class MessageType : uint8_t {
  kSetChunkSize = 1,
  kAbort = 2,
  kAcknowledgement = 3,
  kUserControl = 4,
  kWindowAckSize = 5,
  kSetPeerBandwidth = 6,
  kAudio = 8,
  kVideo = 9,
  kDataAmf3 = 15,
  kCommandAmf3 = 17,
  kData = 18,
  kCommand = 20,
  kAggregate = 22,
};

// RTMP 1.0 section 7.1.7.
enum class UserControl : uint16_t {
  kStreamBegin = 0,
  kStreamEof = 1,
  kPingRequest = 6,
  kPingResponse = 7,
};

// Bits of a timestamp that count when it is unwrapped. The standard has 32, ffmpeg's FLV writer
// keeps 31 of them; modulo 2^31 both are right.
inline constexpr int kTimestampBits = 31;

struct Message {
  MessageType type{};
  uint32_t chunk_stream = 0;
  uint32_t stream_id = 0;
  uint32_t timestamp = 0;  // milliseconds modulo 2^32, as sent
  Buffer payload;
};

}  // namespace stream::rtmp
