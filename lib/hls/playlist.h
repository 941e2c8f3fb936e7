// HLS playlists (RFC 8216bis) as values: model, writer, strict bounded reader. No files, no clock.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"

namespace stream::hls {

using WallTime = std::chrono::system_clock::time_point;

// A CMAF fragment inside its segment's file; what low-latency playlists will list.
struct Part {
  Nanoseconds duration{};
  uint64_t offset = 0, size = 0;  // bytes of the segment file
  bool independent = false;
};

struct Segment {
  std::string uri;
  Nanoseconds duration{};
  std::string map;               // URI of EXT-X-MAP; empty for TS
  std::optional<WallTime> date;  // PROGRAM-DATE-TIME
  bool discontinuity = false;    // before this segment
  bool gap = false;              // EXT-X-GAP: listed for the timeline, not there
  uint64_t bytes = 0;            // not in the text
  std::vector<Part> parts;       // not in the text yet
};

enum class PlaylistType { kLive, kEvent, kVod };

struct MediaPlaylist {
  int target_seconds = 2;
  uint64_t media_sequence = 1;  // of segments.front()
  uint64_t discontinuity_sequence = 0;
  PlaylistType type = PlaylistType::kLive;
  bool ended = false;
  bool independent = true;  // every segment starts with a keyframe
  std::vector<Segment> segments;
};

std::string to_text(const MediaPlaylist& playlist);

struct ParseError {
  int line = 0;
  std::string reason;
};

// Refuses what RFC 8216bis forbids and anything beyond the limits: 16 MiB of text, 200,000
// segments. Unknown tags are skipped (section 6.3.1).
std::variant<MediaPlaylist, ParseError> parse_media_playlist(std::string_view text);

struct Variant {
  std::string uri;                                // "720p/playlist.m3u8"
  uint64_t bandwidth = 0, average_bandwidth = 0;  // bit/s, audio group included
  std::string codecs;                             // "avc1.64001f,mp4a.40.2"
  int width = 0, height = 0;
  double frame_rate = 0;    // 0: not written
  std::string audio_group;  // empty: audio is muxed or absent
};

struct AudioRendition {
  std::string group = "audio", name = "Audio", language, uri;
  int channels = 2;
  bool is_default = true;
};

struct MasterPlaylist {
  int version = 6;
  bool independent = true;
  std::vector<AudioRendition> audio;
  std::vector<Variant> variants;
};

std::string to_text(const MasterPlaylist& playlist);
// A quoted string may not hold quotes or line ends; such characters are dropped.
std::variant<MasterPlaylist, ParseError> parse_master_playlist(std::string_view text);

}  // namespace stream::hls
