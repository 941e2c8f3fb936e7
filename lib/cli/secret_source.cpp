#include "cli/secret_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>

#include "base/error.h"
#include "base/text.h"
#include "cli/value.h"
#include "os/fd.h"
#include "os/private_file.h"
#include "vault/unlock.h"

namespace stream::cli {
namespace {

constexpr size_t kMaxSecret = 64 << 10;
std::atomic<bool> g_allow_open{false};

Secret read_descriptor(int fd, const std::string& what) {
  std::string text;
  text.reserve(kMaxSecret + 1);  // no reallocation leaves a copy behind
  char buffer[4096];
  for (ssize_t n; (n = ::read(fd, buffer, sizeof buffer)) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read", what, errno);
    if (text.size() + static_cast<size_t>(n) > kMaxSecret)
      throw Error(Exit::kUsage, "secret.large", what + " holds more than 64 KiB");
    text.append(buffer, static_cast<size_t>(n));
  }
  explicit_bzero(buffer, sizeof buffer);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  Secret secret(text);
  explicit_bzero(text.data(), text.size());
  if (secret.empty()) throw Error(Exit::kUsage, "secret.empty", what + " is empty");
  return secret;
}

// The service manager guards credentials itself; what it grants a service's user shows as group
// bits.
enum class Guard { kMode, kManager };

Secret read_secret_file(const std::string& path, Guard guard) {
  const os::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!fd) throw_errno("open", path, errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) throw_errno("examine", path, errno);
  if (guard == Guard::kMode && S_ISREG(st.st_mode) && (st.st_mode & 077) != 0 && !g_allow_open)
    throw Error(Exit::kNotAllowed, "secret.permissions", "others can read the secret in " + path,
                "run: chmod 600 " + path + " (or pass --insecure-permissions)");
  return read_descriptor(fd.get(), path);
}

std::string credential_path(std::string_view name) {
  const char* dir = std::getenv("CREDENTIALS_DIRECTORY");
  const bool plain = !name.empty() && name.find('/') == name.npos && name[0] != '.';
  if (!dir || !plain)
    throw Error(Exit::kUsage, "secret.source",
                "no systemd credential '" + escaped(name, 60) + "' was passed to this process",
                "add LoadCredential=" + escaped(name, 60) + ":PATH to the unit");
  return std::string(dir) + "/" + std::string(name);
}

bool lower_contains(std::string text, std::string_view part) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text.find(part) != std::string::npos;
}

// Stream keys of the platforms: "live_12345_AbC...", "abcd-1234-efgh-5678", long random words.
bool looks_like_key(std::string_view segment) {
  const auto has = [&](auto test) { return std::any_of(segment.begin(), segment.end(), test); };
  const bool digit = has([](char c) { return c >= '0' && c <= '9'; });
  const bool letter = has([](char c) { return (c | 32) >= 'a' && (c | 32) <= 'z'; });
  return (segment.size() >= 16 && digit && letter) || segment.size() >= 28;
}

bool query_carries_secret(std::string_view query) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const std::string name(pair.substr(0, pair.find('=')));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view value = pair.substr(std::min(equals + 1, pair.size()));
    query.remove_prefix(std::min(end + 1, query.size()));
    if (is_secret_source(value) || name == "pbkeylen") continue;  // where it is; how long
    if (name == "streamid" && looks_like_key(value)) return true;
    for (std::string_view part : {"key", "token", "secret", "pass", "auth", "sig", "pwd"})
      if (lower_contains(name, part)) return true;
  }
  return false;
}

}  // namespace

bool is_secret_source(std::string_view text) {
  return text == "@-" || text.starts_with("@file:") || text.starts_with("@fd:") ||
         text.starts_with("@cred:") || text.starts_with("@vault:");
}

Secret secret_of(std::string_view text) {
  return is_secret_source(text) ? read_secret(text) : Secret(std::string(text));
}

void allow_open_secrets(bool allow) {
  g_allow_open = allow;
}

Secret read_secret(std::string_view source) {
  os::forbid_core_files();
  if (source == "@-") {
    if (::isatty(0))
      throw Error(Exit::kUsage, "secret.terminal", "'@-' would read the secret from the terminal",
                  "pipe it in, or use @file:PATH");
    return read_descriptor(0, "standard input");
  }
  if (source.starts_with("@file:"))
    return read_secret_file(std::string(source.substr(6)), Guard::kMode);
  if (source.starts_with("@cred:"))
    return read_secret_file(credential_path(source.substr(6)), Guard::kManager);
  if (source.starts_with("@vault:")) return vault::read_value(std::string(source.substr(7)));
  if (source.starts_with("@fd:")) {
    int fd = -1;
    parse_value(source.substr(4), fd);
    return read_descriptor(fd, std::string(source));
  }
  throw Error(
      Exit::kUsage, "secret.source", "a secret was given as plain text (not shown)",
      "pass where it is: @vault:NAME, @file:PATH, @fd:N, @cred:NAME or @- (standard input)");
}

bool carries_secret(const Url& url) {
  if (!url.password.empty() || query_carries_secret(url.query)) return true;
  if (!url.scheme.starts_with("rtmp")) return false;
  const size_t slash = url.path.rfind('/');
  return slash != std::string::npos && slash > 0 && looks_like_key(url.path.substr(slash + 1));
}

}  // namespace stream::cli
