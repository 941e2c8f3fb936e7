// The publishing client's side of one RTMP connection: bytes in, events out, bytes to send. No
// socket, clock or log inside: the owner connects, reads, writes, keeps the deadlines and closes.
// One thread at a time.
//
//   ClientSession session(options);            // C0 and C1 wait in the output
//   session.feed(received);
//   while (auto event = session.next()) ...    // PublishStarted: media may follow
//   send(session.take_output());               // between two messages, never inside one
//
// After PublishRefused, Redirected or Failed nothing is parsed any more: close. The peer is not
// trusted: memory is bounded, texts of events need escaping.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/secret.h"
#include "rtmp/amf0.h"
#include "rtmp/flv_tag.h"
#include "rtmp/shared_message.h"

namespace stream::rtmp {

struct ClientOptions {
  std::string app;     // "live2?backup=1": as given
  std::string tc_url;  // rtmp://host/app, without key and user
  Secret key;          // the stream's name with its query
  // The last product token of the client's name.
  std::string flash_version = "FMLE/3.0 (compatible; stream-tools)";
  std::vector<std::string> fourccs;  // of Enhanced RTMP codecs that will be sent
  uint32_t chunk_size = 65536;       // of what we send
  uint32_t window = 250'000;         // the peer is asked to acknowledge every so many bytes
  size_t budget = 1u << 20;          // bytes of unfinished messages
};

// The peer took the connect command.
struct PeerConnected {
  std::vector<std::string> fourccs;  // Enhanced RTMP codecs it announces, "*" for all
};
struct PublishStarted {};
// The peer said no, to connect, createStream or publish, or ends an accepted publish.
struct PublishRefused {
  std::string code, description;
  bool by_connect = false;
  // What was asked for is wrong (a key, a name, the codec), so the same again won't help.
  bool permanent() const;
};
struct Redirected {  // the peer wants us elsewhere; relative addresses are left to the owner
  Secret url;
};
struct ReconnectRequested {  // Enhanced RTMP: go on to the next keyframe, then connect anew
  Secret url;                // empty: the same
  std::string description;
};
struct ClientFailed {  // protocol error; the reason holds nothing secret
  std::string reason;
};
using ClientEvent = std::variant<PeerConnected, PublishStarted, PublishRefused, Redirected,
                                 ReconnectRequested, ClientFailed>;

class ClientSession {
 public:
  enum class Phase { kHandshake, kConnect, kPublish, kStarted, kClosed };

  explicit ClientSession(ClientOptions options);
  ~ClientSession();
  ClientSession(ClientSession&&) noexcept;
  ClientSession& operator=(ClientSession&&) noexcept;

  void feed(Bytes received);
  std::optional<ClientEvent> next();
  Phase phase() const;

  // Once started. The pieces to send, which follow what take_output() has given before.
  void media(std::vector<Buffer>& out, const SharedMessage& message, uint32_t timestamp);
  // FCUnpublish and deleteStream to the output, if the publish was started.
  void unpublish();

  bool has_output() const;
  std::vector<uint8_t> take_output();

  // Bytes that the peer says it has received (RTMP 1.0 section 5.4.3), unwrapped; grows only.
  uint64_t acknowledged() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// "@setDataFrame", "onMetaData" and `values` as the body of a data message.
std::vector<uint8_t> metadata_body(amf0::Object values);

}  // namespace stream::rtmp
