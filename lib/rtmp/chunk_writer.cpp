#include "rtmp/chunk_writer.h"

#include <algorithm>
#include <cassert>

namespace stream::rtmp {
namespace {

void basic_header(ByteWriter& out, int format, uint32_t id) {
  const uint8_t high = static_cast<uint8_t>(format << 6);
  if (id < 64) {
    out.u8(high | static_cast<uint8_t>(id));
  } else if (id < 320) {
    out.u8(high);
    out.u8(static_cast<uint8_t>(id - 64));
  } else {
    out.u8(high | 1);
    out.u8(static_cast<uint8_t>(id - 64));
    out.u8(static_cast<uint8_t>((id - 64) >> 8));
  }
}

}  // namespace

void ChunkWriter::write(ByteWriter& out, MessageType type, uint32_t chunk_stream,
                        uint32_t stream_id, uint32_t timestamp, Bytes payload) {
  assert(chunk_stream >= 2 && chunk_stream <= 65599);
  assert(payload.size() <= kMaxChunkSize);
  // Type 1 where a delta will do, else type 0. Types 2 and 3 would save 4 and 7 bytes more and are
  // where readers differ.
  const auto [it, fresh] = last_.try_emplace(chunk_stream);
  const uint32_t delta = timestamp - it->second.timestamp;
  const bool relative = !fresh && it->second.stream_id == stream_id && delta < kExtendedTime;
  it->second = {stream_id, timestamp};

  const uint32_t field = relative ? delta : timestamp;
  const bool extended = field >= kExtendedTime;
  basic_header(out, relative ? 1 : 0, chunk_stream);
  out.u24(extended ? kExtendedTime : field);
  out.u24(static_cast<uint32_t>(payload.size()));
  out.u8(static_cast<uint8_t>(type));
  if (!relative) out.u32_le(stream_id);
  for (bool first = true;; first = false) {
    if (!first) basic_header(out, 3, chunk_stream);
    if (extended) out.u32(field);
    const size_t n = std::min<size_t>(payload.size(), chunk_size_);
    out.bytes(payload.first(n));
    payload = payload.subspan(n);
    if (payload.empty()) return;
  }
}

void ChunkWriter::write_shared(std::vector<Buffer>& out, const SharedMessage& message,
                               uint32_t stream_id, uint32_t timestamp) {
  assert(message.chunk_size == chunk_size_);
  const auto it = last_.find(message.chunk_stream);
  const bool known = it != last_.end() && it->second.stream_id == stream_id;
  const uint32_t delta = known ? timestamp - it->second.timestamp : timestamp;
  if (delta >= kExtendedTime) {
    ByteWriter own;
    write(own, message.type, message.chunk_stream, stream_id, timestamp, payload_of(message));
    out.push_back(Buffer::copy(own.view()));
    return;
  }
  last_[message.chunk_stream] = {stream_id, timestamp};
  if (known && delta == message.delta) {
    out.push_back(message.wire);
    return;
  }
  ByteWriter header;
  basic_header(header, known ? 1 : 0, message.chunk_stream);
  header.u24(delta);
  header.u24(static_cast<uint32_t>(message.payload_size));
  header.u8(static_cast<uint8_t>(message.type));
  if (!known) header.u32_le(stream_id);
  out.push_back(Buffer::copy(header.view()));
  out.push_back(message.wire.slice(SharedMessage::kHeaderSize));
}

}  // namespace stream::rtmp
