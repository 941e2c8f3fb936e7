#include "os/zone.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/lower.h"
#include "base/text.h"
#include "os/fd.h"

namespace stream::os {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxFile = 256 << 10;

std::vector<std::string> places() {
  std::vector<std::string> out;
  if (const char* dir = std::getenv("TZDIR"); dir && *dir) out.emplace_back(dir);
  for (const char* dir : {"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/etc/zoneinfo"})
    out.emplace_back(dir);
  return out;
}

// Words of letters, digits and _ + - between slashes: it can't lead out of the directory.
bool is_zone_name(const std::string& name) {
  bool part_begins = true;
  for (const char c : name) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '+' || c == '-';
    if (!word && (c != '/' || part_begins)) return false;
    part_begins = c == '/';
  }
  return !part_begins && name.size() <= 64;
}

std::optional<TimeZone> read_zone(const std::string& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return std::nullopt;
  const std::string text = read_file(path, kMaxFile);
  return TimeZone::parse({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

std::vector<std::string> names_in(const std::string& place) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator at(place, error), end; !error && at != end;
       at.increment(error)) {
    const std::string name = at->path().lexically_relative(place).string();
    if (name.starts_with("right/") || name.starts_with("posix/")) continue;
    std::error_code ignored;
    if (is_zone_name(name) && at->is_regular_file(ignored)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

// "berlin" means Europe/Berlin, "Europe/Berlni" too.
std::string advice(const std::string& name, const std::vector<std::string>& names) {
  if (names.empty()) return "no zones are installed here: install the package tzdata, or use UTC";
  const std::string wanted = lower(name);
  for (const std::string& one : names) {
    const std::string known = lower(one);
    if (known == wanted || known.ends_with("/" + wanted)) return "did you mean " + one + "?";
  }
  if (const auto right = nearest(name, names)) return "did you mean " + *right + "?";
  return "it is the name of a place, for example Europe/Berlin, or UTC";
}

}  // namespace

TimeZone load_zone(const std::string& name) {
  if (name == "UTC") return {};
  std::vector<std::string> names;
  for (const std::string& place : places()) {
    if (is_zone_name(name))
      if (auto zone = read_zone(place + "/" + name)) return std::move(*zone);
    if (names.empty()) names = names_in(place);
  }
  throw Error(Exit::kConfig, "zone.unknown", "'" + escaped(name, 64) + "' is no time zone",
              advice(name, names));
}

}  // namespace stream::os
