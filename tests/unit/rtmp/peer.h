// The other end of a ServerSession for tests: builds what encoders send, reads what the server
// answers.
#pragma once
#include <string>
#include <vector>

#include "rtmp/amf0.h"
#include "rtmp/chunk_reader.h"
#include "rtmp/chunk_writer.h"
#include "rtmp/handshake.h"
#include "rtmp/server_session.h"

namespace stream::rtmp {

using ByteVector = std::vector<uint8_t>;

inline ByteVector operator+(ByteVector a, const ByteVector& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline ByteVector text_bytes(std::string_view text) {
  return {text.begin(), text.end()};
}

inline const ByteVector kAvcConfig = {0x17, 0, 0, 0, 0, 1, 0x64, 0, 31, 0xFF, 0xE1};

struct Command {
  std::string name;
  double transaction = 0;
  amf0::Value object, info;
  uint32_t chunk_stream = 0, stream_id = 0;

  std::string code() const {
    const amf0::Value* value = info.object() != nullptr ? info.object()->find("code") : nullptr;
    return value != nullptr ? std::string(value->text()) : std::string();
  }
};

class Peer {
 public:
  ChunkWriter writer;
  ByteWriter out;
  ServerSession session;
  std::vector<Event> events;
  std::vector<Message> replies;

  explicit Peer(ServerOptions options = {}) : session(options) {}

  template <typename... Values>
  void command(uint32_t chunk_stream, uint32_t stream_id, const Values&... values) {
    message(MessageType::kCommand, chunk_stream, stream_id, 0, amf0::encode(values...));
  }
  void message(MessageType type, uint32_t chunk_stream, uint32_t stream_id, uint32_t timestamp,
               const ByteVector& payload) {
    writer.write(out, type, chunk_stream, stream_id, timestamp, payload);
  }
  void chunk_size(uint32_t size) {
    ByteWriter body;
    body.u32(size);
    message(MessageType::kSetChunkSize, 2, 0, 0, body.take());
    writer.set_chunk_size(size);
  }
  void hello() {
    ClientHandshake::begin(out);
    out.zeros(kHandshakeSize);
  }
  void connect(std::string app = "live") {
    hello();
    command(3, 0, "connect", 1,
            amf0::Object{{"app", app}, {"type", "nonprivate"}, {"tcUrl", "rtmp://h/" + app}});
  }
  // Sends what was built; both requests are accepted when `accept`.
  void send(bool accept = true) {
    const ByteVector bytes = out.take();
    session.feed(bytes);
    drain(accept);
  }
  void drain(bool accept = true) {
    while (auto event = session.next()) {
      events.push_back(std::move(*event));
      const bool request = std::holds_alternative<ConnectRequested>(events.back()) ||
                           std::holds_alternative<PublishRequested>(events.back());
      if (request && accept) session.accept();
    }
    receive(session.take_output());
  }
  void start_publishing(std::string key = "key") {
    connect();
    command(3, 0, "createStream", 2, amf0::Null{});
    command(3, 1, "publish", 3, amf0::Null{}, key, "live");
    send();
  }
  template <typename T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const Event& event : events) {
      if (const T* one = std::get_if<T>(&event)) found.push_back(*one);
    }
    return found;
  }
  std::string failure() const {
    const auto failed = all<Failed>();
    return failed.empty() ? std::string() : failed.front().reason;
  }
  std::vector<Command> commands() const {
    std::vector<Command> found;
    for (const Message& reply : replies) {
      if (reply.type != MessageType::kCommand) continue;
      amf0::Reader reader(reply.payload);
      Command command;
      command.name = reader.read().text();
      command.transaction = reader.read().number().value_or(-1);
      command.object = reader.read();
      command.info = reader.read();
      command.chunk_stream = reply.chunk_stream;
      command.stream_id = reply.stream_id;
      if (reader.ok()) found.push_back(std::move(command));
    }
    return found;
  }
  size_t count(MessageType type) const {
    size_t n = 0;
    for (const Message& reply : replies) n += reply.type == type;
    return n;
  }

 private:
  void receive(const ByteVector& bytes) {
    Bytes in(bytes);
    ByteWriter ignored;
    if (!shaken_) shaken_ = handshake_.feed(in, ignored) == HandshakeStatus::kDone;
    if (!shaken_) return;
    Message message;
    while (reader_.next(in, message) == ChunkReader::Status::kMessage) replies.push_back(message);
  }
  ClientHandshake handshake_;
  bool shaken_ = false;
  ChunkReader reader_{1 << 20};
};

}  // namespace stream::rtmp
