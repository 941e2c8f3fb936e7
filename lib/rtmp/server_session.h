// The server's side of one RTMP connection that publishes: bytes in, events out, bytes to send. No
// socket, clock or log inside: the owner reads, writes, keeps the deadlines and closes. One thread
// at a time.
//
//   session.feed(received);
//   while (auto event = session.next()) ...   // may call accept() or reject()
//   send(session.take_output());
//
// Each *Requested event waits for accept() or reject(), at once or later; until then nothing more
// is parsed (what arrives is kept, within the memory budget), so no media passes before the answer.
// After next() has given Failed, or the owner has rejected: send the output, wait about 500 ms for
// the peer to read it, close. A connection that closes without Unpublished lost its encoder.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/secret.h"
#include "rtmp/amf0.h"
#include "rtmp/flv_tag.h"

namespace stream::rtmp {

// Status codes that encoders tell apart. For all of them OBS and ffmpeg stop instead of retrying.
namespace status {
inline constexpr std::string_view kConnectRejected = "NetConnection.Connect.Rejected";
inline constexpr std::string_view kConnectInvalidApp = "NetConnection.Connect.InvalidApp";
inline constexpr std::string_view kBadName = "NetStream.Publish.BadName";  // key wrong or in use
inline constexpr std::string_view kDenied = "NetStream.Publish.Denied";
inline constexpr std::string_view kRejected = "NetStream.Publish.Rejected";  // codec refused
}  // namespace status

struct ServerOptions {
  size_t unauthorised_budget = 4u << 20;  // bytes of unfinished messages before publish is accepted
  size_t budget = 32u << 20;              // and after
  uint32_t chunk_size = 60000;            // of what we send
  uint32_t window = 2'500'000;            // announced to the peer
};

// Enhanced RTMP section "Enhancing NetConnection connect Command"; empty or 0 when not sent.
struct ConnectRequested {
  std::string
      app;  // without the query; may hold a part of the key when the encoder has one URL only
  Secret app_query;
  Secret tc_url;
  std::string type, flash_version;
  std::vector<std::string> fourccs;  // what the peer lists, "*" for all
  uint32_t caps_ex = 0;
};
struct PublishRequested {
  std::string app;
  Secret key;        // the name up to '?', "mp4:" taken off; may hold slashes
  Secret query;      // after '?'
  std::string type;  // "live", "record", "append"
};
struct Metadata {  // onMetaData, with or without @setDataFrame; hints, never to be trusted
  uint32_t timestamp = 0;
  amf0::Object values;
};
struct Unpublished {
};               // FCUnpublish, deleteStream or closeStream: the encoder stopped by intention
struct Failed {  // protocol error; the reason holds nothing secret; nothing follows it
  std::string reason;
};
using Event =
    std::variant<ConnectRequested, PublishRequested, Media, Metadata, Unpublished, Failed>;

class ServerSession {
 public:
  explicit ServerSession(ServerOptions options = {});
  ~ServerSession();
  ServerSession(ServerSession&&) noexcept;
  ServerSession& operator=(ServerSession&&) noexcept;

  // Media payloads don't point into `received`.
  void feed(Bytes received);
  // Media that no event stands before goes there at once, within feed() and next(), and is no event
  // then. The owner may call reject() from it.
  void on_media(std::function<void(Media&&)> take);
  std::optional<Event> next();

  // Answers the open request.
  void accept();
  // Answers the open request, or ends a publish that was accepted (a codec that can't be taken, the
  // server stops). The description is shown to the encoder's user. Nothing is parsed afterwards.
  void reject(std::string_view code, std::string_view description);

  bool publishing() const;
  uint64_t bytes_received() const;
  // Tags that were cut short or contradictory and were dropped.
  uint64_t malformed_tags() const;

  bool has_output() const;
  std::vector<uint8_t> take_output();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace stream::rtmp
