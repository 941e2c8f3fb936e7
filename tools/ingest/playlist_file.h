// What --playlist names: an .m3u (a path a line, # comments), or YAML (a list of paths, or a map
// with the list as `files`). Paths are relative to the file's own directory.
#pragma once
#include <string>
#include <vector>

namespace stream::ingest {

// Paths of local files. Throws Error kConfig "playlist.invalid" with file and line, and what
// reading a file throws.
std::vector<std::string> read_playlist(const std::string& path);

}  // namespace stream::ingest
