#include "streams/values.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/picture_name.h"
#include "base/text.h"
#include "base/units.h"
#include "base/url.h"

namespace stream::streams {
namespace {

using config::Node;

std::vector<std::string> words(std::string_view list) {
  std::vector<std::string> out;
  while (!list.empty()) {
    const size_t end = std::min(list.find(' '), list.size());
    out.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return out;
}

// 720p@2800k,preset=fast: the size and the rate; stream-ladder judges the rest.
void check_rung(const std::string& text) {
  const std::string head = text.substr(0, text.find(','));
  const size_t at = head.find('@');
  const std::string box = head.substr(0, at);
  const bool lines = box.size() > 1 && box.size() < 6 && box.back() == 'p' &&
                     box.find_first_not_of("0123456789") == box.size() - 1;
  if (!lines) parse_frame_size(box);
  if (at != head.npos) parse_bit_rate(head.substr(at + 1));
}

// A URL, a source, or a path.
std::string absolute_place(const Node& node, const std::string& text,
                           const std::string& directory) {
  const auto url = parse_url(text);
  if (url && !url->password.empty())
    node.fail("the URL carries a password",
              "put it into a file of mode 0600 and write \"@file:PATH\"");
  if (url) return text;
  return text.starts_with("@") ? absolute_source(text, directory) : absolute_path(text, directory);
}

// NAME=rtmp, NAME=srt:KEYNAME and the like for publishers, else NAME=PLACE.
std::string absolute_input(const Node& node, const std::string& text,
                           const std::string& directory) {
  const size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  if (equals == text.npos || equals + 1 == text.size() || !is_stream_name(name))
    node.fail("'" + escaped(text, 100) + "' is not of the form NAME=WHERE",
              "write primary=rtmp for publishers, backup=srt://HOST:PORT, film=FILE");
  const std::string where = text.substr(equals + 1);
  const std::string protocol = where.substr(0, where.find(':'));
  const bool publishers = protocol == "rtmp" || protocol == "srt" || protocol == "whip";
  if (publishers && !parse_url(where)) return text;
  return name + "=" + absolute_place(node, where, directory);
}

std::string absolute_store(const Node& node, const std::string& text,
                           const std::string& directory) {
  constexpr std::string_view kDirectory = "dir:";
  if (text.starts_with(kDirectory))
    return std::string(kDirectory) + absolute_path(text.substr(kDirectory.size()), directory);
  const auto url = parse_url(text);
  if (!text.starts_with("s3://") && !text.starts_with("telegram://"))
    node.fail("'" + escaped(text, 100) + "' is no store",
              "write s3://BUCKET/PREFIX, dir:PATH or telegram://CHAT");
  if (url && !url->password.empty())
    node.fail("the URL carries a password", "say credentials: \"@vault:NAME\"");
  return text;
}

// The text of a value once it is known to be one of its kind; what the units throw is told with
// the position by read_value().
std::string checked(const Node& node, const Key& key, const std::string& directory) {
  const std::string& text = node.text();
  if (text.empty() || text.find('\0') != text.npos) node.fail("the value is empty");
  switch (key.kind) {
    case Kind::kText:
      break;
    case Kind::kUrl:
      if (!parse_url(text))
        node.fail("'" + escaped(text, 100) + "' is not a URL", "write scheme://ADDRESS:PORT");
      break;
    case Kind::kName:
      check_stream_name(text);
      break;
    case Kind::kPath:
      return absolute_path(text, directory);
    case Kind::kPlace:
      return absolute_place(node, text, directory);
    case Kind::kStore:
      return absolute_store(node, text, directory);
    case Kind::kSource:
    case Kind::kStreamSource:
      if (!text.starts_with("@"))
        node.fail("a secret is not written here",
                  "write its source: \"@vault:NAME\", \"@file:PATH\"");
      return absolute_source(text, directory);
    case Kind::kInput:
      return absolute_input(node, text, directory);
    case Kind::kSlate:
      return is_picture_name(text) ? absolute_path(text, directory) : text;
    case Kind::kSize:
      parse_byte_size(text);
      break;
    case Kind::kTimeOrSize:
      if (text.find_first_of("Bb") != text.npos)
        parse_byte_size(text);
      else
        parse_duration(text);
      break;
    case Kind::kWindow:
      if (text != "all") parse_duration(text);
      break;
    case Kind::kDuration:
      parse_duration(text);
      break;
    case Kind::kBitRate:
      parse_bit_rate(text);
      break;
    case Kind::kFrameSize:
      parse_frame_size(text);
      break;
    case Kind::kRung:
      check_rung(text);
      break;
    case Kind::kCount:
      if (node.integer() < 0) node.fail("'" + escaped(text, 60) + "' is negative");
      break;
    case Kind::kNumber:
      node.number();
      break;
    case Kind::kFlag:
    case Kind::kStream:
      return node.boolean() ? "true" : "false";
  }
  return text;
}

}  // namespace

std::string absolute_path(const std::string& path, const std::string& directory) {
  namespace fs = std::filesystem;
  return (fs::path(directory) / path).lexically_normal().string();
}

std::string absolute_source(const std::string& text, const std::string& directory) {
  constexpr std::string_view kFile = "@file:";
  if (!text.starts_with(kFile)) return text;
  return std::string(kFile) + absolute_path(text.substr(kFile.size()), directory);
}

std::string read_value(const Node& node, const Key& key, const std::string& directory) {
  std::string value;
  try {
    value = checked(node, key, directory);
  } catch (const Error& e) {
    if (e.id() == "config.invalid") throw;
    node.fail(e.what(), e.hint());
  }
  const auto choices = words(key.choices);
  if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end()) {
    const auto right = nearest(value, choices);
    std::string all;
    for (const std::string& word : choices) all += (all.empty() ? "" : ", ") + word;
    node.fail("'" + escaped(value, 60) + "' is not one of " + all,
              right ? "did you mean " + *right + "?" : "");
  }
  return value;
}

}  // namespace stream::streams
