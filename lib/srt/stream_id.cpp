#include "srt/stream_id.h"

#include <algorithm>

namespace stream::srt {
namespace {

using Mode = StreamId::Mode;

constexpr std::string_view kStandard = "#!::";

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool plain(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Mode mode_of(std::string_view word) {
  return word == "publish" || word == "bidirectional" ? Mode::kPublish : Mode::kOther;
}

void add(StreamId& id, std::string_view key) {
  const auto same = [&](const Secret& known) { return known.reveal() == key; };
  if (!key.empty() && std::none_of(id.keys.begin(), id.keys.end(), same))
    id.keys.emplace_back(std::string(key));
}

// A name or a path whose last segment may be the key alone.
void add_path(StreamId& id, std::string_view path) {
  add(id, path);
  while (path.ends_with('/')) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash != path.npos) add(id, path.substr(slash + 1));
}

// Standard keys: r(esource) u(ser) s(ession) m(ode) h(ost) t(ype). Which of them holds the key is
// the service's choice, so all that may are asked.
std::optional<StreamId> parse_standard(std::string_view text) {
  StreamId id;
  std::string resource, user, session;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view pair = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const size_t equals = pair.find('=');
    if (equals == pair.npos || equals == 0) return std::nullopt;
    const std::string_view name = pair.substr(0, equals);
    const auto decoded = percent_decoded(pair.substr(equals + 1));
    const std::string value =
        decoded && plain(*decoded) ? *decoded : std::string(pair.substr(equals + 1));
    if (name == "r") resource = value;
    if (name == "u") user = value;
    if (name == "s") session = value;
    if (name == "m") id.mode = mode_of(value);
  }
  add(id, session);
  add(id, user);
  if (!id.keys.empty()) {
    const size_t slash = resource.rfind('/');
    id.stream = slash == std::string::npos ? resource : resource.substr(slash + 1);
  }
  add_path(id, resource);
  return id;
}

// "publish:NAME:KEY", "publish:KEY".
StreamId parse_colons(std::string_view text) {
  StreamId id;
  id.mode = Mode::kPublish;
  const size_t colon = text.find(':');
  if (colon == text.npos) {
    add_path(id, text);
    return id;
  }
  const std::string_view path = text.substr(0, colon);
  id.stream = path.substr(path.rfind('/') + 1);
  add(id, text.substr(colon + 1));
  // NAME:USER:PASSWORD
  const size_t last = text.rfind(':');
  if (last != colon) add(id, text.substr(last + 1));
  add_path(id, path);
  return id;
}

std::optional<StreamId> parse_plain(std::string_view text) {
  if (text.starts_with(kStandard)) return parse_standard(text.substr(kStandard.size()));
  for (const char* word : {"read:", "request:", "play:"}) {
    if (!text.starts_with(word)) continue;
    StreamId id;
    id.mode = Mode::kOther;
    return id;
  }
  if (text.starts_with("publish:")) return parse_colons(text.substr(8));
  StreamId id;
  if (text.starts_with("publish/")) {
    id.mode = Mode::kPublish;
    text.remove_prefix(8);
  }
  if (const size_t scheme = text.find("://"); scheme != text.npos) {
    text.remove_prefix(scheme + 3);
    text = text.substr(0, text.find('?'));
  }
  add_path(id, text);
  return id;
}

}  // namespace

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int high = hex(text[i + 1]), low = hex(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

std::optional<StreamId> parse_stream_id(std::string_view text) {
  if (text.size() > kMaxStreamId || !plain(text)) return std::nullopt;
  auto id = parse_plain(text);
  if (!id || text.starts_with(kStandard) || text.find('%') == text.npos) return id;
  // An encoder that takes the id out of a URL may leave it encoded; a key may hold a '%' as well.
  const auto decoded = percent_decoded(text);
  if (!decoded || !plain(*decoded)) return id;
  auto second = parse_plain(*decoded);
  if (!second) return std::nullopt;
  for (const Secret& key : id->keys) add(*second, key.reveal());
  return second;
}

}  // namespace stream::srt
