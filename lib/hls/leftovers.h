// The names in a rendition's directory, and what an earlier process left there. Internal to
// lib/hls.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hls/playlist.h"
#include "hls/rendition.h"

namespace stream::hls {

inline constexpr char kAside[] = ".tmp";  // of a segment that is being written

std::string segment_name(uint64_t number, Format format);  // "segment_000001.m4s"
std::string init_name(uint64_t number);                    // "init_1.mp4"

struct Leftovers {
  std::vector<uint64_t> segments, inits;  // numbers found, sorted
  std::vector<std::string> asides;        // unfinished files of ours
  uint64_t last_segment = 0, last_init = 0;
};
Leftovers scan_leftovers(const std::filesystem::path& directory);

// The playlist when it can be read, is valid and lists only names of ours.
std::optional<MediaPlaylist> read_own_playlist(const std::string& path);
std::vector<uint8_t> read_bytes(const std::string& path);  // empty when it can't be read

void remove_segment(const std::filesystem::path& directory, uint64_t number);
// Removes unfinished files, and the init segments that `playlist` does not list unless some may be
// needed.
void sweep(const std::filesystem::path& directory, const Leftovers& left,
           const MediaPlaylist& playlist, bool keep_inits);

}  // namespace stream::hls
