// The sending half of the chunk stream, RTMP 1.0 section 5.3: cuts messages into chunks of the size
// that the peer was told. The extended timestamp is repeated in every continuation, as the standard
// says.
#pragma once
#include <cstdint>
#include <map>
#include <vector>

#include "base/bytes.h"
#include "rtmp/chunk_reader.h"
#include "rtmp/shared_message.h"

namespace stream::rtmp {

class ChunkWriter {
 public:
  // From the next message on; the Set Chunk Size message itself is the caller's to write before.
  void set_chunk_size(uint32_t size) { chunk_size_ = size; }

  void write(ByteWriter& out, MessageType type, uint32_t chunk_stream, uint32_t stream_id,
             uint32_t timestamp, Bytes payload);

  // The same for a message that many connections share: appends the pieces to be sent. They are
  // the message's own memory; only a message that doesn't follow the one before on this connection
  // gets a header of its own. `message` must be cut to this writer's chunk size.
  void write_shared(std::vector<Buffer>& out, const SharedMessage& message, uint32_t stream_id,
                    uint32_t timestamp);

 private:
  struct Last {
    uint32_t stream_id = 0, timestamp = 0;
  };
  std::map<uint32_t, Last> last_;  // by chunk stream
  uint32_t chunk_size_ = kDefaultChunkSize;
};

}  // namespace stream::rtmp
