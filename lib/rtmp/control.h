// Protocol control messages of RTMP 1.0 sections 5.4 and 7.1.7 as bytes, for both sides.
#pragma once
#include "rtmp/chunk_writer.h"

namespace stream::rtmp {

inline constexpr uint32_t kControlChunkStream = 2;

// Set Chunk Size, Acknowledgement, Window Acknowledgement Size: one number.
void write_control(ChunkWriter& writer, ByteWriter& out, MessageType type, uint32_t value);
void write_user_control(ChunkWriter& writer, ByteWriter& out, UserControl event, uint32_t value);

}  // namespace stream::rtmp
