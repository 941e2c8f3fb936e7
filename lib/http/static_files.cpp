#include "http/static_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "base/error.h"

namespace stream::http {
namespace {

struct Type {
  std::string_view suffix, mime;
};

constexpr Type kTypes[] = {
    {".m3u8", "application/vnd.apple.mpegurl"},
    {".m4s", "video/iso.segment"},
    {".mp4", "video/mp4"},
    {".ts", "video/mp2t"},
    {".aac", "audio/aac"},
    {".m4a", "audio/mp4"},
    {".vtt", "text/vtt; charset=utf-8"},
    {".jpg", "image/jpeg"},
    {".png", "image/png"},
    {".webp", "image/webp"},
};

// IMF-fixdate, RFC 9110 section 5.6.7.
std::string http_date(time_t time) {
  std::tm tm{};
  ::gmtime_r(&time, &tm);
  char text[40];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
  return text;
}

std::string make_etag(const struct stat& st) {
  char text[80];
  std::snprintf(text, sizeof text, "\"%llx-%llx-%llx\"", static_cast<unsigned long long>(st.st_ino),
                static_cast<unsigned long long>(st.st_size),
                static_cast<unsigned long long>(st.st_mtim.tv_sec) * 1000000000ULL +
                    static_cast<unsigned long long>(st.st_mtim.tv_nsec));
  return text;
}

// If-None-Match: a list of tags, weak ones compare like strong ones (RFC 9110 section 13.1.2).
bool tag_matches(std::string_view list, std::string_view etag) {
  return list == "*" || list.find(etag) != std::string_view::npos;
}

Response not_found() {
  Response response = text_response(404, "not found");
  // A segment that is not there yet may be there in a second; caches must not remember otherwise.
  response.headers = {{"Cache-Control", "public, max-age=1"}};
  return response;
}

bool has_hidden_segment(std::string_view path) {
  return path.find("/.") != std::string_view::npos;
}

}  // namespace

std::string_view mime_type(std::string_view path) {
  for (const Type& type : kTypes)
    if (path.ends_with(type.suffix)) return type.mime;
  return {};
}

RangeKind parse_range(std::string_view header, uint64_t size, ByteRange& range) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return RangeKind::kWhole;
  header.remove_prefix(kUnit.size());
  const size_t dash = header.find('-');
  if (dash == std::string_view::npos) return RangeKind::kWhole;
  const auto number = [](std::string_view text) -> std::optional<uint64_t> {
    uint64_t value = 0;
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value);
    if (text.empty() || error != std::errc() || end != last) return std::nullopt;
    return value;
  };
  const std::string_view from = header.substr(0, dash), to = header.substr(dash + 1);
  const auto first = number(from), last = number(to);
  if ((!from.empty() && !first) || (!to.empty() && !last) || (!first && !last))
    return RangeKind::kWhole;
  if (!first) {  // the last N bytes
    if (*last == 0 || size == 0) return RangeKind::kUnsatisfiable;
    range.length = std::min(*last, size);
    range.first = size - range.length;
    return RangeKind::kPart;
  }
  if (last && *last < *first) return RangeKind::kWhole;
  if (*first >= size) return RangeKind::kUnsatisfiable;
  range.first = *first;
  range.length = std::min(last ? *last : size - 1, size - 1) - *first + 1;
  return RangeKind::kPart;
}

StaticFiles::StaticFiles(const std::string& directory) {
  if (directory.empty()) return;
  root_ = os::Fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root_) throw_errno("open the directory", directory, errno);
}

os::Fd StaticFiles::open(const std::string& path, int flags) const {
  if (!root_) {
    errno = ENOENT;
    return {};
  }
  const std::string relative = path.size() > 1 ? path.substr(1) : ".";
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return os::Fd(
      static_cast<int>(::syscall(SYS_openat2, root_.get(), relative.c_str(), &how, sizeof how)));
}

Response StaticFiles::serve(const Request& request, const std::string& path) const {
  const std::string_view mime = mime_type(path);
  if (mime.empty() || has_hidden_segment(path)) return not_found();
  os::Fd file = open(path, O_RDONLY);
  struct stat st {};
  if (!file || ::fstat(file.get(), &st) != 0 || !S_ISREG(st.st_mode)) return not_found();

  const auto size = static_cast<uint64_t>(st.st_size);
  const std::string etag = make_etag(st), modified = http_date(st.st_mtim.tv_sec);
  Response response;
  response.type = mime;
  response.headers = {
      {"Cache-Control",
       path.ends_with(".m3u8") ? "no-cache" : "public, max-age=31536000, immutable"},
      {"ETag", etag},
      {"Last-Modified", modified},
      {"Accept-Ranges", "bytes"},
  };
  const std::string_view none_match = request.header("if-none-match");
  if (none_match.empty() ? request.header("if-modified-since") == modified
                         : tag_matches(none_match, etag)) {
    response.status = 304;
    return response;
  }
  ByteRange range{0, size};
  const std::string_view if_range = request.header("if-range");
  RangeKind kind = RangeKind::kWhole;
  if (if_range.empty() || if_range == etag || if_range == modified)
    kind = parse_range(request.header("range"), size, range);
  if (kind == RangeKind::kUnsatisfiable) {
    response.status = 416;
    response.headers.emplace_back("Content-Range", "bytes */" + std::to_string(size));
    return response;
  }
  if (kind == RangeKind::kPart) {
    response.status = 206;
    response.headers.emplace_back("Content-Range",
                                  "bytes " + std::to_string(range.first) + "-" +
                                      std::to_string(range.first + range.length - 1) + "/" +
                                      std::to_string(size));
  }
  response.file = std::move(file);
  response.offset = range.first;
  response.length = range.length;
  return response;
}

}  // namespace stream::http
