// What the ingest protocols have in common: a server on a port lets a connection in as a publisher
// and hands what it sends to a receiver. Who is admitted and what becomes of the media is the
// owner's business; how bytes become media is the protocol's. On the io context's thread.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "rtmp/flv_tag.h"
#include "rtmp/server_session.h"

namespace stream::media {

// Why a publication ended.
enum class PublisherEnd {
  kStopped,   // the encoder said so
  kLost,      // the connection broke off
  kIdle,      // no media for too long
  kRefused,   // by us: a codec, a protocol error
  kRevoked,   // its key counts no more
  kReplaced,  // by a newer one
  kShutdown,  // our program stops
};

// Takes one publisher's media.
class PublisherReceiver {
 public:
  virtual ~PublisherReceiver() = default;
  // A text: the publisher is refused for it. The first form is for times in milliseconds of 32 bits
  // that wrap, as RTMP has them; the second takes the decoding time in the attempt's clock.
  virtual std::optional<std::string> media(rtmp::Media media, Nanoseconds now) = 0;
  virtual std::optional<std::string> media(rtmp::Media media, int64_t dts, Nanoseconds now) = 0;
  virtual void metadata(const rtmp::Metadata& metadata) = 0;
  virtual void notice(const std::string& text) = 0;  // what the operator should know
  virtual void tick(Nanoseconds now) = 0;            // a few times a second
  virtual bool full() const { return false; }        // nothing more is to be read meanwhile
  // Somebody takes the media as it comes. Else it may gather for a moment, which costs less.
  virtual bool awaited() const { return true; }
  // The last call.
  virtual void closed(PublisherEnd end, const std::string& reason) = 0;
};

// What a transport that counts knows of its way here. Totals of the connection.
struct LinkStats {
  double rtt_seconds = -1;  // < 0: not known
  double latency_seconds = 0;
  double buffer_seconds = 0;  // received and not delivered yet
  double receive_bps = 0, bandwidth_bps = 0;
  uint64_t received_packets = 0, lost_packets = 0, retransmitted_packets = 0;
  uint64_t dropped_packets = 0;  // lost for good: they came too late, or not at all
  uint64_t undecrypted_packets = 0;
};

class PublisherConnection {
 public:
  virtual ~PublisherConnection() = default;
  // Ends the publication: the receiver is told at once, the encoder what the protocol can say.
  virtual void end(PublisherEnd end, const std::string& reason) = 0;
  virtual uint64_t received_bytes() const = 0;
  virtual std::optional<LinkStats> link() const { return std::nullopt; }
};

struct PublishAttempt {
  std::string protocol = "rtmp";
  std::string address;       // "127.0.0.1:40000"
  std::string host;          // without port
  std::string encoder;       // what it calls itself; hostile text
  std::vector<Secret> keys;  // what may be the key, the likeliest first; empty: it named nothing
  std::string stream;        // that it names beside the key; hostile text
  Rational clock{1, 1000};   // of its times
  std::weak_ptr<PublisherConnection> connection;  // to end it later
};

// The owner's answer, in two steps: check() says who it is, at once or in a while, which a
// transport may have to know before its handshake is over; publish() then begins the publication.
struct PublisherAdmission {
  enum class Refusal { kNone, kKey, kStream, kConflict, kUnavailable };
  Refusal refusal = Refusal::kNone;
  std::string description;  // of the refusal, for the encoder's user; empty: it may try again
  Nanoseconds delay{0};     // before it is sent
  std::string stream, credential;               // that it was let in to, and by
  std::unique_ptr<PublisherReceiver> receiver;  // made by publish()
  bool ok() const { return refusal == Refusal::kNone; }
};

struct PublisherHooks {
  // Calls `answered` once, on the io context's thread: before it returns, or later when somebody
  // else is asked. Nothing is accepted from the publisher before.
  using Answered = std::function<void(PublisherAdmission)>;
  std::function<void(const PublishAttempt&, Answered answered)> check;
  std::function<PublisherAdmission(const PublishAttempt&, PublisherAdmission)> publish;
  // Turned away before check() was asked: address, reason, stable id.
  std::function<void(const std::string&, const std::string&, const std::string&)> refused;
};

class PublisherServer {
 public:
  virtual ~PublisherServer() = default;
  // Stops accepting and ends all publications; the connections close within a second.
  virtual void stop() = 0;

  struct Counts {
    size_t waiting = 0, publishing = 0;
    uint64_t accepted = 0, evicted = 0;
  };
  virtual Counts counts() const = 0;
};

}  // namespace stream::media
