#include <cstdio>

#include "hls/playlist.h"

namespace stream::hls {

namespace {

void append_tag(std::string& out, std::string_view tag, std::string_view value) {
  out += tag;
  out += ':';
  out += value;
  out += '\n';
}

// Five decimals: the error of a day of 2 s segments stays below a frame.
std::string seconds(Nanoseconds duration) {
  const int64_t units = (duration.count() + 5000) / 10000;
  char text[40];
  std::snprintf(text, sizeof text, "%lld.%05lld", static_cast<long long>(units / 100000),
                static_cast<long long>(units % 100000));
  return text;
}

std::string quote(std::string_view text) {  // 4.2: no quotes, no line ends
  std::string out = "\"";
  for (const char c : text) {
    if (c != '"' && c != '\n' && c != '\r') out += c;
  }
  return out + '"';
}

int version(const MediaPlaylist& playlist) {  // section 8: as low as possible
  for (const Segment& segment : playlist.segments) {
    if (!segment.map.empty()) return 6;
  }
  return 3;
}

void append_segment(std::string& out, const Segment& segment, const std::string& map_before) {
  if (segment.discontinuity) out += "#EXT-X-DISCONTINUITY\n";
  if (segment.map != map_before && !segment.map.empty())
    append_tag(out, "#EXT-X-MAP", "URI=" + quote(segment.map));
  if (segment.date) append_tag(out, "#EXT-X-PROGRAM-DATE-TIME", rfc3339(*segment.date));
  if (segment.gap) out += "#EXT-X-GAP\n";
  append_tag(out, "#EXTINF", seconds(segment.duration) + ",");
  out += segment.uri;
  out += '\n';
}

}  // namespace

std::string to_text(const MediaPlaylist& playlist) {
  std::string out = "#EXTM3U\n";
  out.reserve(256 + playlist.segments.size() * 110);
  append_tag(out, "#EXT-X-VERSION", std::to_string(version(playlist)));
  append_tag(out, "#EXT-X-TARGETDURATION", std::to_string(playlist.target_seconds));
  append_tag(out, "#EXT-X-MEDIA-SEQUENCE", std::to_string(playlist.media_sequence));
  append_tag(out, "#EXT-X-DISCONTINUITY-SEQUENCE", std::to_string(playlist.discontinuity_sequence));
  if (playlist.type == PlaylistType::kEvent) append_tag(out, "#EXT-X-PLAYLIST-TYPE", "EVENT");
  if (playlist.type == PlaylistType::kVod) append_tag(out, "#EXT-X-PLAYLIST-TYPE", "VOD");
  if (playlist.independent) out += "#EXT-X-INDEPENDENT-SEGMENTS\n";
  std::string map;
  for (const Segment& segment : playlist.segments) {
    append_segment(out, segment, map);
    if (!segment.map.empty()) map = segment.map;
  }
  if (playlist.ended) out += "#EXT-X-ENDLIST\n";
  return out;
}

std::string to_text(const MasterPlaylist& playlist) {
  std::string out = "#EXTM3U\n";
  append_tag(out, "#EXT-X-VERSION", std::to_string(playlist.version));
  if (playlist.independent) out += "#EXT-X-INDEPENDENT-SEGMENTS\n";
  for (const AudioRendition& audio : playlist.audio) {
    std::string line = "TYPE=AUDIO,GROUP-ID=" + quote(audio.group) + ",NAME=" + quote(audio.name);
    if (!audio.language.empty()) line += ",LANGUAGE=" + quote(audio.language);
    line += audio.is_default ? ",DEFAULT=YES" : ",DEFAULT=NO";
    line += ",AUTOSELECT=YES,CHANNELS=" + quote(std::to_string(audio.channels));
    append_tag(out, "#EXT-X-MEDIA", line + ",URI=" + quote(audio.uri));
  }
  for (const Variant& variant : playlist.variants) {
    std::string line = "BANDWIDTH=" + std::to_string(variant.bandwidth);
    if (variant.average_bandwidth > 0)
      line += ",AVERAGE-BANDWIDTH=" + std::to_string(variant.average_bandwidth);
    if (!variant.codecs.empty()) line += ",CODECS=" + quote(variant.codecs);
    if (variant.width > 0 && variant.height > 0) {
      line += ",RESOLUTION=" + std::to_string(variant.width) + "x" + std::to_string(variant.height);
    }
    if (variant.frame_rate > 0) {
      char rate[32];
      std::snprintf(rate, sizeof rate, ",FRAME-RATE=%.3f", variant.frame_rate);
      line += rate;
    }
    if (!variant.audio_group.empty()) line += ",AUDIO=" + quote(variant.audio_group);
    append_tag(out, "#EXT-X-STREAM-INF", line);
    out += variant.uri;
    out += '\n';
  }
  return out;
}

}  // namespace stream::hls
