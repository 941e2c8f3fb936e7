// Answers to offers: who publishes to us (WHIP, RFC 9725) and who plays from us (WHEP). A refusal
// is for the whole offer (422), in words. All media in one BUNDLE, one codec per track. Pure.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "webrtc/sdp.h"

namespace stream::webrtc {

// What both kinds of answer say of us.
struct Local {
  IceCredentials ice;
  Fingerprint fingerprint;
  std::vector<Candidate> candidates;  // IPv4 first: FFmpeg looks at one only
};

// One agreed track.
struct Track {
  std::string kind, mid;
  std::string codec;  // FFmpeg's name
  int clock_rate = 90000, channels = 1;
  uint8_t payload_type = 0;
  std::optional<uint8_t> rtx_payload_type, red_payload_type;
  Codec offered;                  // the line that was chosen
  std::vector<std::string> rids;  // simulcast layers as the peer lists them; or empty
  std::vector<Source> sources;    // that the offer named; may be empty
  uint8_t mid_extension = 0, rid_extension = 0, repaired_rid_extension = 0,  // 0: not agreed
      abs_send_time_extension = 0, transport_sequence_extension = 0, playout_delay_extension = 0;
  bool nack = false, pli = false, fir = false, remb = false, transport_cc = false;
};

struct Answer {
  std::string sdp;
  std::vector<Track> tracks;  // at most one of audio, one of video; publishers: all that we get
  // For the session.
  IceCredentials remote;
  std::vector<Fingerprint> fingerprints;
  Setup setup = Setup::kPassive;  // ours
};

struct PublisherPolicy {
  std::vector<std::string> codecs{"h264", "hevc", "vp9", "vp8", "av1", "opus"};  // best first
  size_t layers = 4;                                                             // of simulcast
  int opus_bps = 128'000;  // asked for; 0: as the peer likes
  int video_kbps = 0;      // b=AS; 0: not said
};
Outcome<Answer> answer_publisher(const Description& offer, const Local& local,
                                 const PublisherPolicy& policy);

// A track that we have to send.
struct SentTrack {
  std::string kind, codec;       // FFmpeg's name
  std::string profile_level_id;  // of H.264, six hex digits; the best line of the offer is chosen
  uint32_t ssrc = 0, rtx_ssrc = 0;
};
struct ViewerPolicy {
  std::vector<SentTrack> tracks;  // at most one of a kind
  std::string cname, stream_id;   // tokens (a=msid)
  bool estimates = false;         // asks the player for what its network carries (REMB)
};
// Sections that we have nothing for are answered inactive. Answer::tracks has those that are sent.
Outcome<Answer> answer_viewer(const Description& offer, const Local& local,
                              const ViewerPolicy& policy);

}  // namespace stream::webrtc
