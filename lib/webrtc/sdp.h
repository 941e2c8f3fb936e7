// Session descriptions of WebRTC (RFC 8866, RFC 8829) as values. parse_description() takes hostile
// input: bounded, no recursion, what is not known is skipped. Attributes of the session that count
// for every media section are copied into the sections. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "webrtc/certificate.h"
#include "webrtc/ice_lite.h"

namespace stream::webrtc {

// A value, or the reason why there is none, for people (it may quote the peer, escaped).
template <typename Value>
struct Outcome {
  std::optional<Value> value;
  std::string error;
  explicit operator bool() const { return value.has_value(); }
  Value* operator->() { return &*value; }
  const Value* operator->() const { return &*value; }
  static Outcome failed(std::string why) { return {std::nullopt, std::move(why)}; }
};

inline constexpr size_t kMaxDescription = 64 << 10;
inline constexpr size_t kMaxMedia = 16;  // m= lines

enum class Direction { kSendRecv, kSendOnly, kRecvOnly, kInactive };
enum class Setup { kActpass, kActive, kPassive };

struct Candidate {  // RFC 8839 5.1
  std::string foundation = "1";
  int component = 1;
  std::string transport = "udp";  // lower case
  uint32_t priority = 0;
  std::string address;  // a number, or a name in .local
  uint16_t port = 0;
  std::string type = "host";
  std::string tcp_type = {};  // RFC 6544 4.5; of those by TCP
};
// The value of "a=candidate:", without it. Extensions at the end are skipped.
std::optional<Candidate> parse_candidate(std::string_view value);
std::string to_text(const Candidate& candidate);
// Host candidate number `index` (0 is preferred).
Candidate host_candidate(const boost::asio::ip::address& address, uint16_t port, size_t index);
// The same place by TCP, where we wait for connections; preferred less than any by UDP.
Candidate tcp_candidate(const Candidate& udp, size_t index);

struct Codec {
  uint8_t payload_type = 0;
  std::string name;  // as written: H264, H265, VP8, VP9, AV1, opus, rtx, ...
  int clock_rate = 0, channels = 1;
  std::string parameters;             // fmtp as written, without the payload type
  std::vector<std::string> feedback;  // "nack", "nack pli", "ccm fir", "goog-remb", ...

  // Of fmtp; names are compared without case. nullopt: not there.
  std::optional<std::string> parameter(std::string_view name) const;
  bool has_feedback(std::string_view value) const;
};

struct HeaderExtension {
  uint8_t id = 0;
  std::string uri;
};
inline constexpr std::string_view kMidUri = "urn:ietf:params:rtp-hdrext:sdes:mid",
                                  kRidUri = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
                                  kRepairedRidUri =
                                      "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
                                  kAbsSendTimeUri =
                                      "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
                                  kPlayoutDelayUri =
                                      "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
                                  kTransportSequenceUri =
                                      "http://www.ietf.org/id/"
                                      "draft-holmer-rmcat-transport-wide-cc-extensions-01";

struct Source {  // a=ssrc
  uint32_t ssrc = 0;
  uint32_t rtx = 0;  // by a=ssrc-group:FID; 0: none
};

struct Media {
  std::string kind;  // audio, video, application
  std::string protocol;
  uint16_t port = 0;
  std::string mid;
  Direction direction = Direction::kSendRecv;
  std::vector<Codec> codecs;  // in the order of preference; those without rtpmap are left out
  std::vector<HeaderExtension> extensions;
  std::vector<std::string> rids;       // a=rid:... send
  std::vector<std::string> simulcast;  // a=simulcast:send, the first of each alternative
  std::vector<Source> sources;         // without those of RTX
  bool rtcp_mux = false, rtcp_rsize = false, bundle_only = false;
  IceCredentials ice;
  std::vector<Fingerprint> fingerprints;  // of hashes that we know
  std::optional<Setup> setup;
  std::vector<Candidate> candidates;
  bool end_of_candidates = false;

  // Port 0 says no, but with bundle-only it doesn't (RFC 9143 6).
  bool is_rejected() const { return port == 0 && !bundle_only; }
};

struct Description {
  std::vector<Media> media;
  std::vector<std::string> bundle;  // mids
  bool ice_lite = false;
  bool trickle = false;  // a=ice-options
  bool extmap_allow_mixed = false;
};

Outcome<Description> parse_description(std::string_view text);

// "h264" for H264, "hevc" for H265, "vp8", "vp9", "av1", "opus" (FFmpeg's names); empty for others.
std::string_view ffmpeg_name(const Codec& codec);

}  // namespace stream::webrtc
