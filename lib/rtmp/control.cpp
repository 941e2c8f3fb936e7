#include "rtmp/control.h"

namespace stream::rtmp {

void write_control(ChunkWriter& writer, ByteWriter& out, MessageType type, uint32_t value) {
  ByteWriter body;
  body.u32(value);
  writer.write(out, type, kControlChunkStream, 0, 0, body.view());
}

void write_user_control(ChunkWriter& writer, ByteWriter& out, UserControl event, uint32_t value) {
  ByteWriter body;
  body.u16(static_cast<uint16_t>(event));
  body.u32(value);
  writer.write(out, MessageType::kUserControl, kControlChunkStream, 0, 0, body.view());
}

}  // namespace stream::rtmp
