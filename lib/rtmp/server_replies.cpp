#include "rtmp/server_replies.h"

#include "rtmp/connect.h"
#include "rtmp/control.h"

namespace stream::rtmp {
namespace {

using amf0::Null;
using amf0::Object;

constexpr uint32_t kStatusChunkStream = 5;
constexpr uint8_t kDynamicLimit = 2;  // RTMP 1.0 section 5.4.5

}  // namespace

Object status_object(std::string_view level, std::string_view code, std::string_view description) {
  return Object{{"level", level}, {"code", code}, {"description", description}};
}

void ServerReplies::connected(uint32_t chunk_stream, double transaction, uint32_t window,
                              uint32_t chunk_size, const Object& offer) {
  write_control(writer_, out_, MessageType::kWindowAckSize, window);
  ByteWriter bandwidth;
  bandwidth.u32(window);
  bandwidth.u8(kDynamicLimit);
  writer_.write(out_, MessageType::kSetPeerBandwidth, kControlChunkStream, 0, 0, bandwidth.view());
  write_control(writer_, out_, MessageType::kSetChunkSize, chunk_size);
  writer_.set_chunk_size(chunk_size);
  const Object properties{{"fmsVer", "FMS/3,0,1,123"}, {"capabilities", 31}};
  Object info = status_object("status", "NetConnection.Connect.Success", "Connection succeeded.");
  info.properties.emplace_back("objectEncoding", 0);
  mirror_capabilities(offer, info);
  command(chunk_stream, 0, "_result", transaction, properties, info);
}

void ServerReplies::connect_refused(uint32_t chunk_stream, double transaction,
                                    std::string_view code, std::string_view description) {
  command(chunk_stream, 0, "_error", transaction, Null{},
          status_object("error", code, description));
}

void ServerReplies::result(const Message& request, double transaction, const amf0::Value& value) {
  if (transaction == 0) return;
  command(request.chunk_stream, 0, "_result", transaction, Null{}, value);
}

// Some hardware encoders wait for this before they publish; it promises nothing.
void ServerReplies::fc_publish(const Message& request) {
  command(request.chunk_stream, 1, "onFCPublish", 0, Null{},
          Object{{"code", "NetStream.Publish.Start"}, {"description", "Go on."}});
}

void ServerReplies::publish_started(uint32_t stream_id) {
  write_user_control(writer_, out_, UserControl::kStreamBegin, stream_id);
  status(stream_id, status_object("status", "NetStream.Publish.Start", "Publishing."));
}

void ServerReplies::refused(uint32_t stream_id, std::string_view code,
                            std::string_view description) {
  status(stream_id, status_object("error", code, description));
}

void ServerReplies::acknowledge(uint32_t bytes) {
  write_control(writer_, out_, MessageType::kAcknowledgement, bytes);
}

void ServerReplies::pong(uint32_t time) {
  write_user_control(writer_, out_, UserControl::kPingResponse, time);
}

// On the stream it speaks of: on stream 0 GStreamer waits for ever.
void ServerReplies::status(uint32_t stream_id, const Object& info) {
  command(kStatusChunkStream, stream_id, "onStatus", 0, Null{}, info);
}

}  // namespace stream::rtmp
