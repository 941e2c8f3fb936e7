// One media message cut into chunks once, for any number of connections that publish the same
// stream with the same chunk size. Immutable. ChunkWriter::write_shared() sends it.
#pragma once
#include <cstdint>
#include <vector>

#include "rtmp/message.h"

namespace stream::rtmp {

struct SharedMessage {
  // A type 1 chunk header is destination-free: it holds the distance to the message before on the
  // chunk stream, and no message stream id (RTMP 1.0 section 5.3.1.2.2).
  static constexpr size_t kHeaderSize = 8;

  MessageType type{};
  uint32_t chunk_stream = 0;  // 3 to 63
  uint32_t timestamp = 0;     // ms of the source; connections add an offset of their own
  uint32_t delta = 0;         // to the message before on this chunk stream, below 0xFFFFFF
  uint32_t chunk_size = 0;
  size_t payload_size = 0;
  Buffer wire;  // the header, then the payload with its continuation headers
};

// Copies the payload (`head` and `body`), at most kMaxChunkSize bytes. A delta that is too large
// for the header is cut: no connection takes that header then.
SharedMessage make_shared(MessageType type, uint32_t chunk_stream, uint32_t timestamp,
                          uint32_t delta, uint32_t chunk_size, Bytes head, Bytes body);

// The payload in one piece.
std::vector<uint8_t> payload_of(const SharedMessage& message);

}  // namespace stream::rtmp
