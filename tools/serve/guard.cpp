#include "guard.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "keys/livekit.h"
#include "os/fd.h"

namespace stream::serve {
namespace {

using http::Request;
using http::Response;
using manifest::Json;
using manifest::Rights;

constexpr char kCookie[] = "stream_token";
constexpr char kCatalog[] = "/_catalog/";
constexpr size_t kMaxRights = 1 << 20, kMaxEntry = 64 << 20;
// A change within this time after a look may have the same time stamp.
constexpr auto kSameStamp = std::chrono::seconds(2);

bool same(const struct timespec& a, const struct timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool is_settled(const struct timespec& modified) {
  return std::chrono::system_clock::now().time_since_epoch() -
             std::chrono::seconds(modified.tv_sec) >
         kSameStamp;
}

Rights nobody() {
  Rights rights;
  rights.is_public = false;
  return rights;
}

std::string read_all(const os::Fd& fd, size_t max) {
  std::string text;
  char chunk[16384];
  for (ssize_t n; (n = ::read(fd.get(), chunk, sizeof chunk)) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 || text.size() + static_cast<size_t>(n) > max) return {};
    text.append(chunk, static_cast<size_t>(n));
  }
  return text;
}

std::optional<Rights> rights_of(const Json& document) {
  try {
    return manifest::rights_from_json(document);
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t from = 1; from < path.size();) {
    const size_t end = std::min(path.find('/', from), path.size());
    parts.push_back(path.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

// "NAME=" of a list with that separator; empty when absent. Tokens need no decoding.
std::string_view value_of(std::string_view list, std::string_view name, char separator) {
  while (!list.empty()) {
    std::string_view item = list.substr(0, list.find(separator));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    while (item.starts_with(' ')) item.remove_prefix(1);
    if (item.size() > name.size() && item.starts_with(name) && item[name.size()] == '=')
      return item.substr(name.size() + 1);
  }
  return {};
}

struct Shown {
  std::string_view token;
  bool in_query = false;
};

Shown token_of(const Request& request) {
  std::string_view bearer = request.header("authorization");
  if (bearer.size() > 7 && (bearer.starts_with("Bearer ") || bearer.starts_with("bearer ")))
    return {bearer.substr(7), false};
  if (const auto token = value_of(request.query, "token", '&'); !token.empty())
    return {token, true};
  return {value_of(request.header("cookie"), kCookie, ';'), false};
}

// So that what the page names is shown as well. Empty when the token stood elsewhere.
std::string cookie_of(const Request& request, const Shown& shown, const std::string& folder) {
  if (!shown.in_query) return {};
  return std::string(kCookie) + "=" + std::string(shown.token) + "; Path=/" + folder +
         "; HttpOnly; SameSite=Lax" + (request.secure ? "; Secure" : "");
}

bool for_everybody(const std::vector<Rights>& rights) {
  return std::all_of(rights.begin(), rights.end(),
                     [](const Rights& r) { return r.for_everybody(); });
}

bool let(const std::vector<Rights>& rights, const Json& viewer, const std::string& stream) {
  if (!viewer.is_object() || !crypto::is_for(viewer, keys::viewer_audience(stream))) return false;
  const std::string user = viewer.value("sub", std::string());
  return std::all_of(rights.begin(), rights.end(), [&](const Rights& r) { return r.lets(user); });
}

Response refusal(unsigned status, const char* text) {
  Response response = http::text_response(status, text);
  response.headers = {{"Cache-Control", "no-store"}};
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace

Guard::Guard(const std::string& directory, std::optional<crypto::VerifyKey> key)
    : files_(directory),
      root_([&] {
        if (directory.empty()) return std::string();
        const std::unique_ptr<char, decltype(&std::free)> path(
            ::realpath(directory.c_str(), nullptr), &std::free);
        if (!path) throw_errno("open the directory", directory, errno);
        return std::string(path.get());
      }()),
      title_(root_.substr(root_.rfind('/') + 1)),
      key_(std::move(key)) {}

// Where a symbolic link leads to beneath the root; empty: nothing is there.
std::string Guard::real_path(const std::string& path) const {
  const os::Fd fd = files_.open(path, O_RDONLY);
  if (!fd) return {};
  char target[PATH_MAX];
  const ssize_t n =
      ::readlink(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), target, sizeof target);
  const std::string real(target, n > 0 ? static_cast<size_t>(n) : 0);
  if (real == root_) return "/";
  const std::string prefix = root_ == "/" ? root_ : root_ + "/";
  return real.starts_with(prefix) ? real.substr(prefix.size() - 1) : std::string();
}

// The rights of all directories that lead to it.
void Guard::collect(const std::string& path, std::vector<Rights>& out) {
  std::string folder;
  auto parts = parts_of(path);
  parts.insert(parts.begin(), "");
  for (const std::string& part : parts) {
    if (!part.empty()) folder += "/" + part;
    const os::Fd fd = files_.open(folder + "/" + manifest::kRightsFile, O_RDONLY);
    if (!fd) {
      // A path that leads out of the root is not served; rights that do are no rights.
      const bool absent =
          errno == ENOENT || errno == ENOTDIR || (errno == EXDEV && !files_.open(folder, O_RDONLY));
      if (!absent) out.push_back(nobody());
      continue;
    }
    const auto rights = rights_of(Json::parse(read_all(fd, kMaxRights), nullptr, false));
    if (!rights) log::warning(folder + "/" + manifest::kRightsFile + " is damaged: nobody sees it");
    out.push_back(rights.value_or(nobody()));
  }
  collect_recording(path, out);
}

// In an archive a recording's files are what an entry names: anything else there is on its way in.
void Guard::collect_recording(const std::string& path, std::vector<Rights>& out) {
  const auto parts = parts_of(path);
  const bool bare = parts.size() >= 2 && parts[0] == "recording";
  if (!bare && (parts.size() < 3 || parts[1] != "recording")) return;
  Folder* folder = catalog_of(bare ? "-" : parts[0]);
  if (!folder) return;
  const std::string key = path.substr(1);
  bool known = false;
  for (const auto& [name, entry] : folder->entries) {
    if (std::find(entry.keys.begin(), entry.keys.end(), key) == entry.keys.end()) continue;
    known = true;
    out.push_back(entry.rights.value_or(nobody()));
  }
  if (known) return;
  Rights absent = nobody();
  absent.hidden = true;
  out.push_back(absent);
}

// NAME/live and NAME/whep are watched from the bus, whether there are files of it or not.
void Guard::collect_live(const std::string& path, std::vector<Rights>& out) {
  const auto parts = parts_of(path);
  if (parts.size() < 2 || (parts[1] != "live" && parts[1] != "whep") || !is_stream_name(parts[0]))
    return;
  if (files_.open("/" + parts[0] + "/" + manifest::kRightsFile, O_RDONLY)) return;
  if (auto rights = live_.of(parts[0])) out.push_back(std::move(*rights));
}

// nullptr: the directory is no archive.
Guard::Folder* Guard::catalog_of(const std::string& stream) {
  if (stream != "-" && !is_stream_name(stream)) return nullptr;
  if (!files_.open("/_catalog", O_RDONLY | O_DIRECTORY)) return nullptr;
  Folder& folder = catalogs_[stream];
  read_catalog(kCatalog + stream, folder);
  return &folder;
}

void Guard::read_catalog(const std::string& path, Folder& folder) const {
  os::Fd fd = files_.open(path, O_RDONLY | O_DIRECTORY);
  struct stat st {};
  if (!fd || ::fstat(fd.get(), &st) != 0) return folder.entries.clear();
  if (same(st.st_mtim, folder.modified) && folder.settled) return;
  folder.modified = st.st_mtim;
  folder.settled = is_settled(st.st_mtim);
  std::map<std::string, Entry> entries;
  const int number = fd.get();
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(fd.release()), ::closedir);
  while (const dirent* item = dir ? ::readdir(dir.get()) : nullptr) {
    const std::string name = item->d_name;
    struct stat file {};
    if (!name.ends_with(".json") || name[0] == '.' ||
        ::fstatat(number, name.c_str(), &file, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(file.st_mode))
      continue;
    const auto known = folder.entries.find(name);
    if (known != folder.entries.end() && known->second.inode == file.st_ino &&
        same(known->second.modified, file.st_mtim) && known->second.settled)
      entries[name] = std::move(known->second);
    else
      entries[name] = read_entry(path + "/" + name, file);
  }
  folder.entries = std::move(entries);
}

Guard::Entry Guard::read_entry(const std::string& path, const struct stat& st) const {
  Entry entry{st.st_mtim, st.st_ino, is_settled(st.st_mtim), {}, {}};
  const os::Fd fd = files_.open(path, O_RDONLY);
  const Json json = Json::parse(fd ? read_all(fd, kMaxEntry) : "", nullptr, false);
  entry.rights = rights_of(json);
  if (!json.is_object()) return entry;
  for (const Json& file : json.value("files", Json::array()))
    if (file.is_object() && file.value("key", Json()).is_string())
      entry.keys.push_back(file["key"].get<std::string>());
  return entry;
}

Json Guard::viewer_of(const Request& request, std::chrono::sys_seconds now) const {
  const Shown shown = token_of(request);
  if (shown.token.empty() || !key_) return nullptr;
  crypto::JwtRules rules;
  rules.now = now;
  rules.any_audience = true;  // which stream is asked for each
  return crypto::verify_jwt(shown.token, *key_, rules).claims;
}

std::vector<Rights> Guard::rights_on(const std::string& path) {
  std::vector<Rights> rights;
  collect(path, rights);
  collect_live(path, rights);
  const std::string real = real_path(path);
  if (!real.empty() && real != path && real + "/" != path) collect(real, rights);
  return rights;
}

Guard::Verdict Guard::judge(const Request& request, std::chrono::sys_seconds now) {
  Verdict verdict;
  const std::string& path = request.path;
  if (path.starts_with("/_/") || path.ends_with("/publish")) return verdict;
  const std::vector<Rights> rights = rights_on(path);
  verdict.restricted = !for_everybody(rights);
  // The list is for everybody, but what it names is the viewer's.
  if (!verdict.restricted && path != "/") return verdict;
  const Shown shown = token_of(request);
  const Json viewer = viewer_of(request, now);
  if (!verdict.restricted) {
    verdict.restricted = viewer.is_object();
    if (verdict.restricted) verdict.cookie = cookie_of(request, shown, "");
    return verdict;
  }

  const auto parts = parts_of(path);
  const bool single = parts.empty() || static_cast<bool>(files_.open("/master.m3u8", O_RDONLY));
  const std::string stream = single ? title_ : parts[0];
  if (let(rights, viewer, stream)) {
    verdict.cookie = cookie_of(request, shown, single ? "" : stream);
    return verdict;
  }
  const bool hidden =
      std::any_of(rights.begin(), rights.end(), [](const Rights& r) { return r.hidden; });
  verdict.refusal = hidden ? refusal(404, "not found")
                    : shown.token.empty()
                        ? refusal(401, "this is not for everybody: a token is needed")
                        : refusal(403, "the token does not let you see this");
  return verdict;
}

void Guard::mark(const Verdict& verdict, Response& response) {
  if (!verdict.restricted) return;
  for (auto& [name, value] : response.headers)
    if (name == "Cache-Control" && value.starts_with("public")) value.replace(0, 6, "private");
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  if (!verdict.cookie.empty()) response.headers.emplace_back("Set-Cookie", verdict.cookie);
}

bool Guard::listed(const std::string& stream, const Rights& more, const Json& viewer) {
  std::vector<Rights> rights = rights_on("/" + stream);
  rights.push_back(more);
  return for_everybody(rights) || let(rights, viewer, stream);
}

}  // namespace stream::serve
