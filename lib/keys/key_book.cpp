#include "keys/key_book.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "crypto/locked_bytes.h"
#include "keys/key_file.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/file_lock.h"
#include "os/private_file.h"

namespace stream::keys {
namespace {

constexpr size_t kMaxFile = 1 << 30;
constexpr std::string_view kKeyPrefix = "sk_";
constexpr std::chrono::seconds kLockPatience{60};

std::string read_text(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return {};
  const os::Fd fd = os::open_private(path);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) throw_errno("examine", path, errno);
  if (static_cast<size_t>(st.st_size) > kMaxFile)
    throw Error(Exit::kConfig, "keys.damaged", path + " is too large for a key file", "");
  std::string text(static_cast<size_t>(st.st_size), '\0');
  size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = ::read(fd.get(), text.data() + have, text.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw_errno("read", path, errno);
    if (n == 0) break;
    have += static_cast<size_t>(n);
  }
  text.resize(have);
  return text;
}

[[noreturn]] void throw_damaged(const std::string& path, size_t line, const char* why) {
  throw Error(Exit::kConfig, "keys.damaged", path + ":" + std::to_string(line) + ": " + why,
              "remove that line or restore a copy; the lines are sorted by their hash");
}

bool ended(const Key& key, int64_t now) {
  return (key.revoked && *key.revoked <= now) || (key.expires && *key.expires <= now);
}

// 80 random bits in the alphabet of RFC 4648 base32, lower case.
std::string fresh_id() {
  static constexpr char kAlphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
  std::string id = "k_";
  for (const uint8_t byte : crypto::random_bytes(16)) id += kAlphabet[byte % 32];
  return id;
}

// A quick test before the costly one: `text` as JSON stands somewhere in the line.
bool mentions(std::string_view line, std::string_view name, std::string_view text) {
  const std::string needle =
      "\"" + std::string(name) + "\":" + nlohmann::json(std::string(text)).dump();
  return line.find(needle) != std::string_view::npos;
}

}  // namespace

KeyBook::KeyBook(const std::string& path) : path_(path), text_(read_text(path)) {
  if (text_.empty()) {
    crypto::fill_random(salt_);
    return;
  }
  const std::string_view text = text_;
  const std::string_view head = text.substr(0, text.find('\n'));
  const auto salt = parse_head(head);
  if (!salt) throw_damaged(path, 1, "not a key file");
  salt_ = *salt;
  size_t number = 1;
  for (size_t at = head.size() + 1; at < text.size(); ++number) {
    const std::string_view line = text.substr(at, text.find('\n', at) - at);
    const std::string_view hash = hash_of_line(line);
    if (hash.empty() || line.size() > kMaxLine) throw_damaged(path, number + 1, "not a key");
    if (!lines_.empty() && hash_of_line(lines_.back()) >= hash)
      throw_damaged(path, number + 1, "out of order");
    lines_.push_back(line);
    at += line.size() + 1;
  }
}

void KeyBook::each(const std::function<void(const Credential&)>& visit) const {
  size_t number = 1;
  for (const std::string_view line : lines_) {
    ++number;
    const auto credential = parse_line(line);
    if (!credential) throw_damaged(path_, number, "not a key");
    visit(*credential);
  }
}

std::vector<Credential> KeyBook::of_id(std::string_view id) const {
  std::vector<Credential> found;
  for (const std::string_view line : lines_) {
    if (!mentions(line, "id", id)) continue;
    auto credential = parse_line(line);
    if (credential && credential->key.id == id) found.push_back(std::move(*credential));
  }
  return found;
}

std::vector<Credential> KeyBook::of_stream(std::string_view stream) const {
  std::vector<Credential> found;
  for (const std::string_view line : lines_) {
    if (!mentions(line, "stream", stream)) continue;
    auto credential = parse_line(line);
    if (credential && credential->key.stream == stream) found.push_back(std::move(*credential));
  }
  return found;
}

Issued KeyBook::issue(const Wanted& wanted, bool rotate_it, int64_t now) {
  if (!wanted.label.empty())
    for (const Credential& c : of_stream(wanted.stream))
      if (c.key.label == wanted.label && !ended(c.key, now))
        return rotate_it ? rotate(c.key.id, now, 0) : Issued{c.key, {}};
  Key key;
  key.id = fresh_id();
  key.stream = wanted.stream;
  key.label = wanted.label;
  key.created = now;
  key.expires = wanted.expires;
  key.max_sessions = wanted.max_sessions;
  key.protocols = wanted.protocols;
  key.from = wanted.from;
  return add(std::move(key));
}

Issued KeyBook::add(Key key) {
  crypto::LockedBytes random(32);
  crypto::fill_random({random.data(), random.size()});
  Secret secret(std::string(kKeyPrefix) + crypto::base64url(random.view()));
  put({hash_of_key(salt_, secret.reveal()), key});
  return {std::move(key), std::move(secret)};
}

Issued KeyBook::rotate(std::string_view id, int64_t now, int64_t grace_ms) {
  Key fresh;
  for (Credential& old : of_id(id)) {
    // The newest that still counts hands on its limits; each older one ends with the grace at last.
    if (fresh.id.empty() || old.key.created > fresh.created) fresh = old.key;
    const int64_t end = now + grace_ms;
    if (ended(old.key, now)) continue;
    if (grace_ms == 0)
      old.key.revoked = now;
    else
      old.key.expires = std::min(old.key.expires.value_or(end), end);
    put(old);
  }
  fresh.created = now;
  fresh.revoked.reset();
  fresh.kick = false;
  return add(std::move(fresh));
}

bool KeyBook::revoke(std::string_view id, int64_t now, bool kick) {
  const auto credentials = of_id(id);
  for (Credential c : credentials) {
    if (c.key.revoked && (c.key.kick || !kick)) continue;
    if (!c.key.revoked) c.key.revoked = now;
    c.key.kick = c.key.kick || kick;
    put(c);
  }
  return !credentials.empty();
}

void KeyBook::put(const Credential& credential) {
  added_.push_back(std::make_unique<std::string>(write_line(credential)));
  const std::string_view line = *added_.back();
  if (line.size() > kMaxLine)
    throw Error(Exit::kUsage, "keys.large", "the key's label and limits are too long",
                "shorten --name or the lists of --from and --protocols");
  const auto place = std::lower_bound(
      lines_.begin(), lines_.end(), credential.hash,
      [](std::string_view a, const std::string& hash) { return hash_of_line(a) < hash; });
  if (place != lines_.end() && hash_of_line(*place) == credential.hash)
    *place = line;
  else
    lines_.insert(place, line);
  changed_ = true;
}

std::string KeyBook::text() const {
  std::string text = write_head(salt_) + "\n";
  size_t size = text.size();
  for (const std::string_view line : lines_) size += line.size() + 1;
  text.reserve(size);
  for (const std::string_view line : lines_) (text += line) += '\n';
  return text;
}

void change_keys(const std::string& path, const std::function<void(KeyBook&)>& edit) {
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) os::make_dirs(path.substr(0, slash));
  const os::FileLock lock(path + ".lock", path, kLockPatience);
  KeyBook book(path);
  edit(book);
  if (book.changed()) os::write_file(path, book.text(), os::Sync::kYes, 0600);
}

}  // namespace stream::keys
