// What a server says on an RTMP connection, as bytes: commands, status and control messages, each
// on the chunk stream and message stream where encoders look for it. Knows no state but the chunk
// writer's.
#pragma once
#include <string_view>

#include "rtmp/amf0.h"
#include "rtmp/chunk_writer.h"

namespace stream::rtmp {

amf0::Object status_object(std::string_view level, std::string_view code,
                           std::string_view description);

class ServerReplies {
 public:
  // Window, bandwidth, our chunk size and the _result; `offer` is the peer's connect object.
  void connected(uint32_t chunk_stream, double transaction, uint32_t window, uint32_t chunk_size,
                 const amf0::Object& offer);
  void connect_refused(uint32_t chunk_stream, double transaction, std::string_view code,
                       std::string_view description);
  // Nothing for transaction 0, which asks for no answer.
  void result(const Message& request, double transaction, const amf0::Value& value);
  void fc_publish(const Message& request);
  void publish_started(uint32_t stream_id);
  // onStatus with level "error".
  void refused(uint32_t stream_id, std::string_view code, std::string_view description);
  void acknowledge(uint32_t bytes);
  void pong(uint32_t time);

  bool empty() const noexcept { return out_.size() == 0; }
  std::vector<uint8_t> take() { return out_.take(); }
  ByteWriter& raw() noexcept { return out_; }  // for the handshake

 private:
  template <typename... Values>
  void command(uint32_t chunk_stream, uint32_t stream_id, const Values&... values) {
    const auto body = amf0::encode(values...);
    writer_.write(out_, MessageType::kCommand, chunk_stream, stream_id, 0, body);
  }
  void status(uint32_t stream_id, const amf0::Object& info);

  ChunkWriter writer_;
  ByteWriter out_;
};

}  // namespace stream::rtmp
