// SDP fragments of trickle ICE (RFC 8840 9), application/trickle-ice-sdpfrag: candidates later on
// and ICE restarts by PATCH. Hostile input. Pure.
#pragma once
#include "webrtc/sdp.h"

namespace stream::webrtc {

inline constexpr size_t kMaxFragment = 16 << 10;

struct Fragment {
  IceCredentials ice;                     // of the session or of the first section
  std::string kind = "audio", mid = "0";  // of that section
  std::vector<Candidate> candidates;
  bool end_of_candidates = false;
  bool ice_lite = false;
};

Outcome<Fragment> parse_fragment(std::string_view text);
std::string write_fragment(const Fragment& fragment);

}  // namespace stream::webrtc
