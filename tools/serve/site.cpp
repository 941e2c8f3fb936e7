#include "site.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <tuple>

#include "assets.h"
#include "base/error.h"
#include "base/text.h"
#include "os/fd.h"

namespace stream::serve {
namespace {

using http::Request;
using http::Response;

constexpr size_t kMaxStreams = 1000;
constexpr size_t kPart = 16 << 10;
constexpr time_t kStillLive = 30;  // seconds; a live playlist changes with each segment
constexpr size_t kMaxPlayer = 4 << 20;

// What the pages may load: their own files and, for hls.js, a worker made from a blob.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "media-src 'self' blob:; worker-src blob:; img-src 'self' data:; frame-ancestors *";

std::string installed_player() {
  std::vector<std::string> places{"node_modules/hls.js/dist/hls.min.js",
                                  "/usr/share/nodejs/hls.js/dist/hls.min.js",
                                  "/usr/share/javascript/hls.js/hls.min.js"};
  char self[4096];
  const ssize_t n = ::readlink("/proc/self/exe", self, sizeof self);
  if (n > 0) {
    std::string prefix(self, static_cast<size_t>(n));
    for (int up = 0; up < 2; ++up) prefix.erase(std::min(prefix.rfind('/'), prefix.size()));
    places.insert(places.begin(), prefix + "/share/stream-tools/hls.min.js");
  }
  for (const std::string& place : places)
    if (::access(place.c_str(), R_OK) == 0) return os::read_file(place, kMaxPlayer);
  return {};
}

// The first URI of a master playlist.
std::string first_variant(const std::string& master) {
  bool next_is_uri = false;
  for (size_t start = 0; start < master.size();) {
    const size_t end = std::min(master.find('\n', start), master.size());
    std::string line = master.substr(start, end - start);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (next_is_uri && !line.empty() && line[0] != '#') return line;
    if (line.starts_with("#EXT-X-STREAM-INF:")) next_is_uri = true;
    start = end + 1;
  }
  return {};
}

std::string fill(std::string text, const std::string& mark, const std::string& value) {
  for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += value.size())
    text.replace(at, mark.size(), value);
  return text;
}

const char* words(StreamEntry::State state) {
  switch (state) {
    case StreamEntry::State::kLive:
      return "live";
    case StreamEntry::State::kEnded:
      return "ended";
    case StreamEntry::State::kInterrupted:
      return "interrupted";
    case StreamEntry::State::kComing:
      return "coming";
  }
  return "";
}

// The stream whose page /NAME/live or so is; empty: another path.
std::string stream_of(const std::string& path, const std::string& page) {
  const size_t slash = path.find('/', 1);
  if (slash == std::string::npos || path.substr(slash) != page) return {};
  const std::string name = path.substr(1, slash - 1);
  return is_stream_name(name) ? name : std::string();
}

std::string last_part(const std::string& path) {
  const std::string plain = path.substr(0, path.find_last_not_of('/') + 1);
  return plain.substr(plain.rfind('/') + 1);
}

}  // namespace

Site::Site(const std::string& directory, const std::string& player, bool live,
           const std::string& whip, const std::string& group)
    : files_(directory),
      title_(last_part(directory)),
      hls_js_(player.empty() ? installed_player() : os::read_file(player, kMaxPlayer)),
      live_(live),
      whip_(whip.substr(0, whip.find_last_not_of('/') + 1)),
      programme_(group.empty() ? nullptr : std::make_unique<Programme>(group)) {}

Response Site::respond(const Request& request) const {
  const std::string& path = request.path;
  if (path.starts_with("/_/")) return asset(path.substr(3));
  if (const std::string name = whip_.empty() ? "" : stream_of(path, "/publish"); !name.empty())
    return publisher_page(name);
  if (const std::string name = live_ ? stream_of(path, "/live") : ""; !name.empty())
    return page(fill(std::string(kLiveHtml), "{{name}}", http::html_escaped(name)));
  const bool single = has_master("");
  if (path == "/" && (programme_ || !single))
    return page(fill(std::string(kIndexHtml), "{{streams}}", rows(request)));
  if (path.ends_with('/')) {
    const std::string prefix = path.substr(0, path.size() - 1);
    if (!has_master(prefix)) {
      Response absent = page(std::string(kAbsentHtml));
      absent.status = 404;
      return absent;
    }
    const std::string name = single ? title_ : prefix.substr(1);
    std::string html = fill(std::string(kPlayerHtml), "{{name}}", http::html_escaped(name));
    html = fill(html, "{{live}}", live_ && !single ? "<a href=\"live\">Live over WebRTC</a>" : "");
    html = fill(html, "{{home}}", single ? "" : "<a href=\"../\">All streams</a>");
    return page(fill(html, "{{hlsjs}}",
                     hls_js_.empty() ? "" : "<script defer src=\"/_/hls.js\"></script>"));
  }
  if (path.find('/', 1) == std::string::npos && http::mime_type(path).empty() && has_master(path)) {
    Response moved = http::text_response(308, "the page is " + path + "/");
    moved.headers.emplace_back("Location", http::percent_encoded(path.substr(1)) + "/");
    return moved;
  }
  return files_.serve(request, path);
}

std::string Site::rows(const Request& request) const {
  std::string rows;
  const Pass pass = pass_for_(request);
  for (const StreamEntry& entry : streams()) {
    if (!pass(entry)) continue;
    const char* state = words(entry.state);
    std::string text = state;
    if (!entry.coming.empty() && entry.state != StreamEntry::State::kLive)
      text += (entry.state == StreamEntry::State::kComing ? ": " : ", next: ") + entry.coming;
    rows += "<li><a href=\"" + http::percent_encoded(entry.name) + "/\">" +
            http::html_escaped(entry.title.empty() ? entry.name : entry.title) +
            "</a> <span class=\"state " + state + "\">" + http::html_escaped(text) +
            "</span></li>\n";
  }
  return rows.empty() ? "<li class=\"none\">No stream is here yet.</li>\n" : rows;
}

Response Site::page(const std::string& html) const {
  Response response;
  response.type = "text/html; charset=utf-8";
  response.body = html;
  response.headers = {{"Cache-Control", "no-cache"}, {"Content-Security-Policy", kPolicy}};
  return response;
}

// It speaks to one more server than the others.
Response Site::publisher_page(const std::string& name) const {
  std::string html = fill(std::string(kPublishHtml), "{{name}}", http::html_escaped(name));
  html = fill(html, "{{endpoint}}", http::html_escaped(whip_ + "/" + name + "/whip"));
  Response response = page(html);
  response.headers.back().second =
      fill(std::string(kPolicy), std::string("connect-src 'self'"), "connect-src " + whip_);
  return response;
}

Response Site::asset(const std::string& name) const {
  static constexpr char kScript[] = "text/javascript; charset=utf-8";
  const struct {
    std::string_view name, text;
    const char* type = kScript;
  } files[] = {{"style.css", kStyleCss, "text/css; charset=utf-8"},
               {"player.js", kPlayerJs},
               {"cmaf.js", kCmafJs},
               {"live.js", kLiveJs},
               {"publish.js", kPublishJs},
               {"session.js", kSessionJs},
               {"hls.js", hls_js_}};
  const auto file = std::find_if(std::begin(files), std::end(files),
                                 [&](const auto& one) { return one.name == name; });
  if (file == std::end(files) || file->text.empty()) return http::text_response(404, "not found");
  Response response;
  response.headers = {{"Cache-Control", "no-cache"}};
  response.type = file->type;
  response.body = file->text;
  return response;
}

bool Site::has_master(const std::string& prefix) const {
  return static_cast<bool>(files_.open(prefix + "/master.m3u8", O_RDONLY));
}

std::string Site::read_part(const std::string& path, bool from_end, time_t* modified) const {
  const os::Fd fd = files_.open(path, O_RDONLY);
  struct stat st {};
  if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) return {};
  if (modified) *modified = st.st_mtim.tv_sec;
  std::string text(kPart, '\0');
  const off_t offset = from_end ? std::max<off_t>(0, st.st_size - static_cast<off_t>(kPart)) : 0;
  const ssize_t n = ::pread(fd.get(), text.data(), text.size(), offset);
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

StreamEntry::State Site::state_of(const std::string& prefix) const {
  using State = StreamEntry::State;
  const auto variant = first_variant(read_part(prefix + "/master.m3u8", false));
  const auto path = http::decode_path(prefix + "/" + variant);
  time_t modified = 0;
  const std::string tail = path ? read_part(*path, true, &modified) : std::string();
  if (tail.find("#EXT-X-ENDLIST") != std::string::npos) return State::kEnded;
  return std::time(nullptr) - modified <= kStillLive ? State::kLive : State::kInterrupted;
}

std::vector<StreamEntry> Site::streams() const {
  std::vector<StreamEntry> list = programme_ ? of_group() : found();
  const auto rank = [](const StreamEntry& entry) {
    return entry.state == StreamEntry::State::kLive ? 0 : entry.coming.empty() ? 2 : 1;
  };
  std::sort(list.begin(), list.end(), [&](const StreamEntry& a, const StreamEntry& b) {
    return std::tuple(rank(a), a.coming_start, a.name) <
           std::tuple(rank(b), b.coming_start, b.name);
  });
  return list;
}

std::vector<StreamEntry> Site::of_group() const {
  std::vector<StreamEntry> list;
  for (const ProgrammeEntry& one : programme_->entries()) {
    const bool here = has_master("/" + one.name);
    if (!here && one.coming.empty()) continue;
    list.push_back({one.name, here ? state_of("/" + one.name) : StreamEntry::State::kComing,
                    one.title, one.coming, one.start, here ? manifest::Rights() : one.rights});
  }
  return list;
}

std::vector<StreamEntry> Site::found() const {
  std::vector<StreamEntry> found;
  os::Fd root = files_.open("/", O_RDONLY | O_DIRECTORY);
  if (!root) return found;
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(::fdopendir(root.release()), ::closedir);
  while (dir && found.size() < kMaxStreams) {
    const dirent* entry = ::readdir(dir.get());
    if (!entry) break;
    const std::string name = entry->d_name;
    if (!is_stream_name(name) || !has_master("/" + name)) continue;
    found.push_back({name, state_of("/" + name), {}, {}, {}, {}});
  }
  return found;
}

std::vector<std::string> Site::stream_names() const {
  std::vector<std::string> names;
  for (const StreamEntry& entry : streams()) names.push_back(entry.name);
  return names;
}

}  // namespace stream::serve
