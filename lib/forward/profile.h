// What the platforms take, and whether a stream fits. The limits are the platforms' published ones
// (2026); "custom" has none. Pure.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "av/track.h"

namespace stream::media {

struct ForwardProfile {
  std::string_view name, server;  // where a bare key is published; empty: not known
  int64_t max_video_bps = 0, max_total_bps = 0;
  int max_height = 0, max_frame_rate = 0;  // 0: no bound
  double min_keyframe_s = 0, max_keyframe_s = 0;
  std::string_view video_codecs, audio_codecs;  // with spaces; empty: all that RTMP carries
  bool assume_enhanced = false;                 // takes Enhanced RTMP without announcing it
  bool needs_audio = false;
  std::string_view encoding;  // what is made for it when something is; see parse_rung()
};

std::span<const ForwardProfile> forward_profiles();
const ForwardProfile* find_forward_profile(std::string_view name);

// Measured on the stream; 0: not yet.
struct ForwardMeasure {
  int64_t video_bps = 0, total_bps = 0;
  double keyframe_s = 0;
  int64_t keyframe_bps = 0;  // of the pictures', what is keyframes
};

struct ForwardFinding {
  bool refuse = false;  // the platform cuts or rejects it; else it advises against it
  bool mended = false;  // encoding the picture anew would mend it
  std::string reason, remedy;
};
// `codecs` as in ForwardProfile.
bool lists_codec(std::string_view codecs, std::string_view codec);
std::vector<ForwardFinding> check_profile(const ForwardProfile& profile, const av::Tracks& tracks,
                                          const ForwardMeasure& measure);

}  // namespace stream::media
