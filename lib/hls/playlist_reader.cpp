#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <map>
#include <utility>

#include "hls/playlist.h"

namespace stream::hls {

namespace {

constexpr size_t kMaxText = 16 << 20, kMaxSegments = 200'000, kMaxLine = 64 << 10;
constexpr uint64_t kMaxNumber = uint64_t{1} << 53;  // beyond, players lose count
constexpr double kMaxSeconds = 86400;

struct Refused {
  ParseError error;
};

class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  // The next line without its end; false at the end of the text.
  bool next(std::string_view& line) {
    if (text_.empty()) return false;
    const size_t end = text_.find('\n');
    line = text_.substr(0, end);
    text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
    ++number_;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.size() > kMaxLine) refuse("the line is too long");
    for (const char c : line) {
      if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f)
        refuse("a control character");
    }
    return true;
  }
  [[noreturn]] void refuse(std::string reason) const {
    throw Refused{{number_, std::move(reason)}};
  }

  uint64_t integer(std::string_view value, uint64_t max = kMaxNumber) const {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number > max)
      refuse("not a whole number in range");
    return number;
  }
  // Digits and a point only: from_chars alone would take "inf" and "1e9".
  double decimal(std::string_view value) const {
    double number = 0;
    if (value.empty() || value.find_first_not_of("0123456789.") != std::string_view::npos)
      refuse("not a decimal number");
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size()) refuse("not a decimal number");
    return number;
  }

 private:
  std::string_view text_;
  int number_ = 0;
};

// The value of "TAG:value" when `line` is that tag.
bool is_tag(std::string_view line, std::string_view tag, std::string_view* value = nullptr) {
  if (line.substr(0, tag.size()) != tag) return false;
  line.remove_prefix(tag.size());
  if (!value) return line.empty();
  if (line.empty() || line[0] != ':') return false;
  *value = line.substr(1);
  return true;
}

using Attributes = std::map<std::string, std::string, std::less<>>;

Attributes attributes(const Lines& lines, std::string_view text) {  // 4.2
  Attributes found;
  while (!text.empty()) {
    const size_t equals = text.find('=');
    if (equals == 0 || equals == std::string_view::npos)
      lines.refuse("an attribute without a value");
    const std::string name(text.substr(0, equals));
    if (name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != std::string::npos)
      lines.refuse("a bad attribute name");
    text.remove_prefix(equals + 1);
    std::string value;
    if (!text.empty() && text[0] == '"') {
      const size_t close = text.find('"', 1);
      if (close == std::string_view::npos) lines.refuse("an open quote");
      value = text.substr(1, close - 1);
      text.remove_prefix(close + 1);
    } else {
      const size_t comma = std::min(text.find(','), text.size());
      value = text.substr(0, comma);
      if (value.find('"') != std::string::npos) lines.refuse("a quote inside a value");
      text.remove_prefix(comma);
    }
    if (!text.empty() && text[0] != ',') lines.refuse("no comma between attributes");
    if (!text.empty()) text.remove_prefix(1);
    if (!found.emplace(name, value).second) lines.refuse("an attribute given twice");
  }
  return found;
}

std::string attribute(const Attributes& all, std::string_view name) {
  const auto at = all.find(name);
  return at == all.end() ? std::string() : at->second;
}

// 1970 to 2200, which fits the clock: "2026-11-20T10:00:00.123Z", fractions and zone as ISO 8601
// allows them.
WallTime date(const Lines& lines, std::string_view text) {
  const auto number = [&](size_t at, size_t digits) {
    if (text.size() < at + digits) lines.refuse("not a date");
    return static_cast<int>(lines.integer(text.substr(at, digits), 9999));
  };
  std::tm tm{};
  tm.tm_year = number(0, 4) - 1900;
  tm.tm_mon = number(5, 2) - 1;
  tm.tm_mday = number(8, 2);
  tm.tm_hour = number(11, 2);
  tm.tm_min = number(14, 2);
  tm.tm_sec = number(17, 2);
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' ||
      tm.tm_year < 70 || tm.tm_year > 300 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 ||
      tm.tm_mday > 31 || tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60) {
    lines.refuse("not a date");
  }
  text.remove_prefix(19);
  Nanoseconds fraction{};
  if (!text.empty() && text[0] == '.') {
    int64_t unit = 100'000'000;
    text.remove_prefix(1);
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
      fraction += Nanoseconds((text[0] - '0') * unit);
      unit /= 10;
      text.remove_prefix(1);
    }
  }
  std::chrono::minutes zone{};
  if (text.size() >= 5 && (text[0] == '+' || text[0] == '-')) {
    const bool colon = text[3] == ':';
    if (text.size() != (colon ? 6u : 5u)) lines.refuse("not a time zone");
    zone = std::chrono::hours(lines.integer(text.substr(1, 2), 23)) +
           std::chrono::minutes(lines.integer(text.substr(colon ? 4 : 3, 2), 59));
    if (text[0] == '-') zone = -zone;
  } else if (text != "Z") {
    lines.refuse("a date without a time zone");
  }
  return std::chrono::system_clock::from_time_t(timegm(&tm)) - zone +
         std::chrono::duration_cast<WallTime::duration>(fraction);
}

void check_header(Lines& lines, std::string_view text) {
  if (text.size() > kMaxText) lines.refuse("the playlist is too large");
  std::string_view line;
  if (!lines.next(line) || line != "#EXTM3U") lines.refuse("the first line is not #EXTM3U");
}

// State that a media playlist's lines build up.
struct MediaReader {
  Lines lines;
  MediaPlaylist playlist;
  Segment next;
  std::string map;
  bool has_target = false, has_duration = false, has_version = false, has_type = false;

  explicit MediaReader(std::string_view text) : lines(text) { playlist.independent = false; }

  void once(bool& seen) {
    if (seen) lines.refuse("a tag given twice");
    seen = true;
  }
  void before_segments() {
    if (!playlist.segments.empty()) lines.refuse("the tag must come before the first segment");
  }

  bool header_tag(std::string_view line) {
    std::string_view value;
    if (is_tag(line, "#EXT-X-VERSION", &value)) {
      once(has_version);
      lines.integer(value, 100);
    } else if (is_tag(line, "#EXT-X-TARGETDURATION", &value)) {
      once(has_target);
      playlist.target_seconds =
          static_cast<int>(lines.integer(value, static_cast<uint64_t>(kMaxSeconds)));
    } else if (is_tag(line, "#EXT-X-MEDIA-SEQUENCE", &value)) {
      before_segments();
      playlist.media_sequence = lines.integer(value);
    } else if (is_tag(line, "#EXT-X-DISCONTINUITY-SEQUENCE", &value)) {
      before_segments();
      playlist.discontinuity_sequence = lines.integer(value);
    } else if (is_tag(line, "#EXT-X-PLAYLIST-TYPE", &value)) {
      once(has_type);
      if (value != "EVENT" && value != "VOD") lines.refuse("the type is neither EVENT nor VOD");
      playlist.type = value == "VOD" ? PlaylistType::kVod : PlaylistType::kEvent;
    } else if (is_tag(line, "#EXT-X-INDEPENDENT-SEGMENTS")) {
      playlist.independent = true;
    } else if (is_tag(line, "#EXT-X-ENDLIST")) {
      playlist.ended = true;
    } else {
      return false;
    }
    return true;
  }

  void segment_tag(std::string_view line) {
    std::string_view value;
    if (is_tag(line, "#EXTINF", &value)) {
      once(has_duration);
      const double duration = lines.decimal(value.substr(0, value.find(',')));
      if (duration > kMaxSeconds) lines.refuse("the segment is too long");
      next.duration = Nanoseconds(std::llround(duration * 1e9));
    } else if (is_tag(line, "#EXT-X-MAP", &value)) {
      map = attribute(attributes(lines, value), "URI");
      if (map.empty()) lines.refuse("a map without URI");
    } else if (is_tag(line, "#EXT-X-PROGRAM-DATE-TIME", &value)) {
      next.date = date(lines, value);
    } else if (is_tag(line, "#EXT-X-DISCONTINUITY")) {
      next.discontinuity = true;
    } else if (is_tag(line, "#EXT-X-GAP")) {
      next.gap = true;
    } else if (line.substr(0, 17) == "#EXT-X-STREAM-INF") {
      lines.refuse("this is a multivariant playlist");
    }
  }

  void uri(std::string_view line) {
    if (!has_duration) lines.refuse("a segment without #EXTINF");
    if (playlist.segments.size() >= kMaxSegments) lines.refuse("too many segments");
    next.uri = line;
    next.map = map;
    playlist.segments.push_back(std::move(next));
    next = Segment();
    has_duration = false;
  }

  MediaPlaylist finish() {
    if (!has_target) lines.refuse("no #EXT-X-TARGETDURATION");
    if (has_duration) lines.refuse("#EXTINF without a segment");
    if (!has_type) playlist.type = PlaylistType::kLive;
    for (const Segment& segment : playlist.segments) {  // 4.4.3.1
      if (std::llround(static_cast<double>(segment.duration.count()) / 1e9) >
          playlist.target_seconds) {
        lines.refuse("a segment is longer than the target duration");
      }
    }
    return std::move(playlist);
  }
};

}  // namespace

std::variant<MediaPlaylist, ParseError> parse_media_playlist(std::string_view text) {
  MediaReader reader(text);
  try {
    check_header(reader.lines, text);
    std::string_view line;
    while (reader.lines.next(line)) {
      if (line.empty()) continue;
      if (line[0] != '#')
        reader.uri(line);
      else if (line.substr(0, 4) == "#EXT" && !reader.header_tag(line))
        reader.segment_tag(line);
    }
    return reader.finish();
  } catch (const Refused& refused) {
    return refused.error;
  }
}

namespace {

AudioRendition audio_rendition(const Attributes& all) {
  AudioRendition audio;
  audio.group = attribute(all, "GROUP-ID");
  audio.name = attribute(all, "NAME");
  audio.language = attribute(all, "LANGUAGE");
  audio.uri = attribute(all, "URI");
  audio.is_default = attribute(all, "DEFAULT") == "YES";
  return audio;
}

Variant variant(const Lines& lines, const Attributes& all) {
  Variant v;
  const std::string bandwidth = attribute(all, "BANDWIDTH"),
                    average = attribute(all, "AVERAGE-BANDWIDTH");
  if (bandwidth.empty()) lines.refuse("a variant without BANDWIDTH");
  v.bandwidth = lines.integer(bandwidth);
  if (!average.empty()) v.average_bandwidth = lines.integer(average);
  v.codecs = attribute(all, "CODECS");
  v.audio_group = attribute(all, "AUDIO");
  if (const std::string rate = attribute(all, "FRAME-RATE"); !rate.empty())
    v.frame_rate = lines.decimal(rate);
  if (const std::string size = attribute(all, "RESOLUTION"); !size.empty()) {
    const size_t x = size.find('x');
    if (x == std::string::npos) lines.refuse("a bad RESOLUTION");
    v.width = static_cast<int>(lines.integer(std::string_view(size).substr(0, x), 1 << 20));
    v.height = static_cast<int>(lines.integer(std::string_view(size).substr(x + 1), 1 << 20));
  }
  return v;
}

MasterPlaylist read_master(Lines& lines) {
  MasterPlaylist master;
  master.independent = false;
  std::optional<Variant> open;
  std::string_view line, value;
  while (lines.next(line)) {
    if (line.empty()) continue;
    if (line[0] != '#') {
      if (!open) lines.refuse("a URI without #EXT-X-STREAM-INF");
      open->uri = line;
      master.variants.push_back(*std::exchange(open, std::nullopt));
      if (master.variants.size() > 1000) lines.refuse("too many variants");
    } else if (is_tag(line, "#EXT-X-VERSION", &value)) {
      master.version = static_cast<int>(lines.integer(value, 100));
    } else if (is_tag(line, "#EXT-X-INDEPENDENT-SEGMENTS")) {
      master.independent = true;
    } else if (is_tag(line, "#EXT-X-MEDIA", &value)) {
      const Attributes all = attributes(lines, value);
      if (attribute(all, "TYPE") == "AUDIO") master.audio.push_back(audio_rendition(all));
      if (master.audio.size() > 1000) lines.refuse("too many renditions");
    } else if (is_tag(line, "#EXT-X-STREAM-INF", &value)) {
      if (open) lines.refuse("#EXT-X-STREAM-INF without a URI");
      open = variant(lines, attributes(lines, value));
    } else if (is_tag(line, "#EXTINF", &value) || is_tag(line, "#EXT-X-TARGETDURATION", &value)) {
      lines.refuse("this is a media playlist");
    }
  }
  if (open) lines.refuse("#EXT-X-STREAM-INF without a URI");
  return master;
}

}  // namespace

std::variant<MasterPlaylist, ParseError> parse_master_playlist(std::string_view text) {
  Lines lines(text);
  try {
    check_header(lines, text);
    return read_master(lines);
  } catch (const Refused& refused) {
    return refused.error;
  }
}

}  // namespace stream::hls
