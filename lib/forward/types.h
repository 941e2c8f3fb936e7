// What the parts of the forwarder hand each other: a message made once for all destinations, where
// a destination is, how a sitting there failed. Data only.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "av/packet.h"
#include "base/secret.h"
#include "base/time.h"
#include "rtmp/shared_message.h"
#include "srt/address.h"
#include "srt/engine.h"

namespace stream::media {

struct ForwardMessage {
  rtmp::SharedMessage wire;
  // The same before it became RTMP, for links that carry other containers: of
  // ForwardFeed::tracks(), times on the forwarder's timeline. No data: opening.
  av::Packet packet;
  // Decoding time on the forwarder's timeline; kNoTime: sent first, with time 0.
  int64_t milliseconds = 0;
  bool video = false;
  bool entry = false;    // a receiver can begin here
  bool opening = false;  // metadata or codec configuration: never dropped
};
using MessagePtr = std::shared_ptr<const ForwardMessage>;

// Chunk size of all connections, so that they can share what was cut once.
inline constexpr uint32_t kForwardChunkSize = 65536;

enum class ForwardState {
  kIdle,
  kResolving,
  kConnecting,
  kHandshaking,
  kPublishing,  // until live is earned
  kLive,
  kDegraded,  // live, but media was dropped lately or waits long
  kStalled,   // connected, and nothing moves
  kBackoff,
  kPaused,
  kHeld,     // the uplink is for more important ones
  kRefused,  // for good, until it is changed
  kGaveUp,
  kStopped,
};
std::string_view to_text(ForwardState state);
// It has earned kLive, and its connection stands.
bool is_on_air(ForwardState state);

// Where a stream is published. Read anew for each connection, so that a changed key is used.
struct ForwardTarget {
  std::string scheme;  // rtmp, rtmps, srt
  std::string host;
  uint16_t port = 0;
  std::string app;  // as given, with its query
  Secret key;
  srt::Settings srt;  // stream id, passphrase, latency; of srt alone
  std::string tc_url() const;
};
// Splits "rtmp://host[:port]/app[/instance]/key?query"; with `key` the whole path is the
// application. Of srt://HOST:PORT?options the key is the stream id, and `read` is asked for the
// secrets that the options name. Throws Error kUsage "destination.url", which shows nothing of the
// key.
ForwardTarget parse_target(std::string_view url, const Secret& key = {},
                           const srt::ReadSecret& read = {});

// A request to go on elsewhere, from the peer of a sitting.
struct ForwardMove {
  Secret url;              // as the peer wrote it; empty: the same address
  bool from_inner = true;  // that peer was in an inner network, so that inner addresses are fair
  bool at_once = false;    // from the newest keyframe on, not from the next
};
// `target` at the address that its peer names, with the same key; none when it may not be followed:
// no RTMP, or from TLS to plain.
std::optional<ForwardTarget> follow(const ForwardTarget& target, const Secret& url);

struct LinkFailure {
  enum class Kind {
    kUnreachable,  // no connection was made
    kNetwork,      // it broke, or a deadline passed
    kProtocol,
    kRefused,
    kMedia,  // what it is to be sent could not be packed
  };
  Kind kind = Kind::kNetwork;
  bool permanent = false;    // the same again won't help
  bool name_in_use = false;  // a refusal that a sitting of our own, cut before, may explain
  std::string reason;        // for people; escaped
  bool taken = false;        // the peer says that somebody publishes there now
  // The connection was made and the peer never said a word: a front whose backend is away.
  bool unanswered = false;
};
// Whether a peer's words for a refusal say that: "Already publishing".
bool says_taken(std::string_view words);

}  // namespace stream::media
