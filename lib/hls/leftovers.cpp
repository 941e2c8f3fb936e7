#include "hls/leftovers.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <set>

#include "base/error.h"
#include "os/fd.h"

namespace stream::hls {

namespace {

// The number in "<prefix>N<suffix>".
std::optional<uint64_t> number_in(std::string_view name, std::string_view prefix,
                                  std::string_view suffix) {
  if (name.size() <= prefix.size() + suffix.size() || name.substr(0, prefix.size()) != prefix)
    return std::nullopt;
  if (name.substr(name.size() - suffix.size()) != suffix) return std::nullopt;
  name = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number > uint64_t{1} << 53)
    return std::nullopt;
  return number;
}

std::optional<uint64_t> segment_number(std::string_view name) {
  if (const auto number = number_in(name, "segment_", ".m4s")) return number;
  return number_in(name, "segment_", ".ts");
}

bool is_aside(std::string_view name) {
  const bool ours = name.substr(0, 8) == "segment_" || name.substr(0, 5) == "init_" ||
                    name.substr(0, 13) == "playlist.m3u8";
  return ours && name.find(kAside) != std::string_view::npos;
}

}  // namespace

std::string segment_name(uint64_t number, Format format) {
  char text[48];
  std::snprintf(text, sizeof text, "segment_%06llu%s", static_cast<unsigned long long>(number),
                format == Format::kTs ? ".ts" : ".m4s");
  return text;
}

std::string init_name(uint64_t number) {
  return "init_" + std::to_string(number) + ".mp4";
}

Leftovers scan_leftovers(const std::filesystem::path& directory) {
  Leftovers left;
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (is_aside(name))
      left.asides.push_back(name);
    else if (const auto segment = segment_number(name))
      left.segments.push_back(*segment);
    else if (const auto init = number_in(name, "init_", ".mp4"))
      left.inits.push_back(*init);
  }
  std::sort(left.segments.begin(), left.segments.end());
  if (!left.segments.empty()) left.last_segment = left.segments.back();
  for (const uint64_t init : left.inits) left.last_init = std::max(left.last_init, init);
  return left;
}

std::optional<MediaPlaylist> read_own_playlist(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0) return std::nullopt;
  const std::vector<uint8_t> bytes = read_bytes(path);
  auto parsed = parse_media_playlist({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  auto* playlist = std::get_if<MediaPlaylist>(&parsed);
  if (!playlist) return std::nullopt;
  uint64_t number = playlist->media_sequence;
  for (const Segment& segment : playlist->segments) {
    if (segment_number(segment.uri) != number++) return std::nullopt;
    if (!segment.map.empty() && !number_in(segment.map, "init_", ".mp4")) return std::nullopt;
  }
  return std::move(*playlist);
}

std::vector<uint8_t> read_bytes(const std::string& path) {
  try {
    const std::string text = os::read_file(path);
    return {text.begin(), text.end()};
  } catch (const Error&) {
    return {};
  }
}

void remove_segment(const std::filesystem::path& directory, uint64_t number) {
  for (const Format format : {Format::kFmp4, Format::kTs})
    ::unlink((directory / segment_name(number, format)).c_str());
}

void sweep(const std::filesystem::path& directory, const Leftovers& left,
           const MediaPlaylist& playlist, bool keep_inits) {
  for (const std::string& name : left.asides) ::unlink((directory / name).c_str());
  if (keep_inits) return;
  std::set<std::string> listed;
  for (const Segment& segment : playlist.segments) listed.insert(segment.map);
  for (const uint64_t number : left.inits) {
    if (!listed.count(init_name(number))) ::unlink((directory / init_name(number)).c_str());
  }
}

}  // namespace stream::hls
