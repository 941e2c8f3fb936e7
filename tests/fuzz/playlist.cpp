// HLS playlists: whatever is accepted must survive being written and read again.
#include "hls/playlist.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stream::hls;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto media = parse_media_playlist(text);
  if (const auto* playlist = std::get_if<MediaPlaylist>(&media)) {
    const auto again = parse_media_playlist(to_text(*playlist));
    const auto* back = std::get_if<MediaPlaylist>(&again);
    if (!back || back->segments.size() != playlist->segments.size()) __builtin_trap();
  }
  parse_master_playlist(text);
  return 0;
}
