#include "record/writer.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "record/mp4_writer.h"
#include "record/mux_writer.h"

namespace stream::media {

namespace {

struct Suffix {
  std::string_view text;
  Container container;
};
constexpr Suffix kSuffixes[] = {{".mp4", Container::kMp4},      {".m4v", Container::kMp4},
                                {".m4a", Container::kMp4},      {".mov", Container::kMp4},
                                {".mkv", Container::kMatroska}, {".mka", Container::kMatroska},
                                {".webm", Container::kWebm},    {".ts", Container::kMpegts}};

template <size_t N>
bool one_of(const std::string& name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

const char* container_name(Container container) {
  switch (container) {
    case Container::kMatroska:
      return "matroska";
    case Container::kWebm:
      return "webm";
    case Container::kMpegts:
      return "mpegts";
    case Container::kMp4:
      break;
  }
  return "mp4";
}

const char* container_suffix(Container container) {
  switch (container) {
    case Container::kMatroska:
      return ".mkv";
    case Container::kWebm:
      return ".webm";
    case Container::kMpegts:
      return ".ts";
    case Container::kMp4:
      break;
  }
  return ".mp4";
}

Container container_named(const std::string& name) {
  for (const Container c : {Container::kMatroska, Container::kWebm, Container::kMpegts}) {
    if (name == container_name(c)) return c;
  }
  return Container::kMp4;
}

std::optional<Container> container_of(const std::string& path) {
  for (const Suffix& suffix : kSuffixes) {
    if (path.ends_with(suffix.text)) return suffix.container;
  }
  return std::nullopt;
}

std::string sound_for(Container container, const std::string& codec) {
  static constexpr std::array<std::string_view, 2> kWebm{"opus", "vorbis"};
  static constexpr std::array<std::string_view, 4> kTs{"aac", "mp3", "ac3", "eac3"};
  if (container == Container::kWebm) return one_of(codec, kWebm) ? "" : "opus";
  if (container == Container::kMpegts) return one_of(codec, kTs) ? "" : "aac";
  if (container == Container::kMp4) return mp4::carries(codec) ? "" : "aac";
  return "";
}

std::unique_ptr<Writer> make_writer(Container container, const av::Tracks& tracks) {
  if (container == Container::kMp4) return std::make_unique<Mp4Writer>(tracks);
  return std::make_unique<MuxWriter>(container, tracks);
}

}  // namespace stream::media
