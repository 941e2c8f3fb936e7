#include "playlist_file.h"

#include <filesystem>
#include <string_view>

#include "base/error.h"
#include "base/text.h"
#include "base/url.h"
#include "config/node.h"
#include "os/fd.h"

namespace stream::ingest {
namespace {

constexpr size_t kMostBytes = 1 << 20;

[[noreturn]] void invalid(const std::string& where, const std::string& reason) {
  throw Error(Exit::kConfig, "playlist.invalid", where + ": " + reason,
              "a playlist names files, one a line; a URL is pulled with --pull");
}

std::string located(const std::string& entry, const std::string& list, const std::string& where) {
  if (const auto url = parse_url(entry); url && entry.find("://") != entry.npos)
    invalid(where, "'" + escaped(url->redacted(), 100) + "' is no file");
  if (entry.find('\0') != entry.npos) invalid(where, "a path with a NUL in it");
  return (std::filesystem::path(list).parent_path() / entry).string();
}

std::vector<std::string> from_yaml(const std::string& path) {
  const config::Node root = config::Node::load(path);
  if (root.is_map()) root.only({"files"});
  const config::Node& list = root.is_map() ? root.at("files") : root;
  std::vector<std::string> files;
  for (const config::Node& item : list.items())
    files.push_back(located(item.text(), path, item.position()));
  return files;
}

std::vector<std::string> from_m3u(const std::string& path) {
  const std::string text = os::read_file(path, kMostBytes);
  std::string_view rest = text;
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  std::vector<std::string> files;
  for (int line = 1; !rest.empty(); ++line) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view entry = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    while (!entry.empty() && (entry.back() == '\r' || entry.back() == ' ')) entry.remove_suffix(1);
    if (entry.empty() || entry[0] == '#') continue;
    files.push_back(located(std::string(entry), path, path + ":" + std::to_string(line)));
  }
  return files;
}

}  // namespace

std::vector<std::string> read_playlist(const std::string& path) {
  const bool yaml = path.ends_with(".yaml") || path.ends_with(".yml");
  auto files = yaml ? from_yaml(path) : from_m3u(path);
  if (files.empty()) invalid(path, "it names no file");
  return files;
}

}  // namespace stream::ingest
