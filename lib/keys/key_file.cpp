#include "keys/key_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"
#include "keys/address.h"
#include "os/dirs.h"
#include "os/private_file.h"

namespace stream::keys {
namespace {

constexpr size_t kMaxKey = 512;

// What is there from `offset` on, up to `size` bytes; short at the end or on an error.
std::string block_at(int fd, uint64_t offset, size_t size) {
  std::string block(size, '\0');
  size_t have = 0;
  while (have < size) {
    const ssize_t n =
        ::pread(fd, block.data() + have, size - have, static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += static_cast<size_t>(n);
  }
  block.resize(have);
  return block;
}

std::string_view line_of(std::string_view block) {
  return block.substr(0, block.find('\n'));
}

Refusal judge(const Key& key, const Attempt& attempt) {
  if (key.revoked && *key.revoked <= unix_ms(wall_now())) return Refusal::kRevoked;
  if (key.expires && *key.expires <= unix_ms(wall_now())) return Refusal::kExpired;
  if (!key.protocols.empty() && std::find(key.protocols.begin(), key.protocols.end(),
                                          attempt.protocol) == key.protocols.end())
    return Refusal::kProtocol;
  if (key.from.empty()) return Refusal::kNone;
  const auto address = parse_address(attempt.address);
  const bool inside =
      address && std::any_of(key.from.begin(), key.from.end(), [&](const auto& text) {
        const auto block = parse_block(text);
        return block && block->contains(*address);
      });
  return inside ? Refusal::kNone : Refusal::kAddress;
}

}  // namespace

const char* text_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      return "accepted";
    case Refusal::kUnknown:
      return "unknown key";
    case Refusal::kRevoked:
      return "revoked";
    case Refusal::kExpired:
      return "expired";
    case Refusal::kProtocol:
      return "protocol not allowed";
    case Refusal::kAddress:
      return "address not allowed";
  }
  return "";
}

std::string default_key_file() {
  return os::state_dir() + "/ingest-keys";
}

std::string hash_of_key(const Salt& salt, std::string_view key) {
  return crypto::hex(crypto::hmac_sha256(salt, crypto::bytes_of(key)));
}

KeyFile::KeyFile(std::string path) : path_(std::move(path)) {
  if (::access(path_.c_str(), F_OK) != 0 && errno == ENOENT)
    throw Error(Exit::kConfig, "keys.absent", "there is no key file " + path_,
                "make one with its first key: stream-keys new STREAM --store " + path_);
  open();
}

void KeyFile::open() {
  os::Fd file = os::open_private(path_);
  struct stat st {};
  if (::fstat(file.get(), &st) != 0) throw_errno("examine", path_, errno);
  const std::string head = block_at(file.get(), 0, kMaxLine);
  const auto salt = parse_head(line_of(head));
  if (!salt || head.find('\n') == std::string::npos)
    throw Error(Exit::kConfig, "keys.damaged",
                path_ + ":1: not a key file: its first line has no schema " + std::string(kSchema),
                "make a new one with stream-keys new, or restore a copy");
  salt_ = *salt;
  first_ = line_of(head).size() + 1;
  file_ = std::move(file);
  identity_ = {st.st_dev, st.st_ino, static_cast<uint64_t>(st.st_size),
               int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec};
  ++version_;
}

void KeyFile::refresh() {
  struct stat st {};
  if (::stat(path_.c_str(), &st) == 0) {
    const Identity now{st.st_dev, st.st_ino, static_cast<uint64_t>(st.st_size),
                       int64_t{st.st_mtim.tv_sec} * 1'000'000'000 + st.st_mtim.tv_nsec};
    if (now == identity_) return;
  }
  try {
    open();
  } catch (const Error& error) {
    log::warning("the key file as last read counts on: " + std::string(error.what()));
  }
}

// Lines of very different lengths, found by halving the range of bytes: from any byte the next line
// starts behind the next newline.
std::optional<Credential> KeyFile::find(std::string_view hash) const {
  uint64_t low = first_, high = identity_.size;
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    std::string block = block_at(file_.get(), middle, 2 * kMaxLine);
    const size_t newline = block.find('\n');
    uint64_t start = newline == std::string::npos ? high : middle + newline + 1;
    std::string_view line;
    if (start < high) {
      line = line_of(std::string_view(block).substr(newline + 1));
    } else {  // no line starts in the upper half: the range's first line decides
      start = low;
      block = block_at(file_.get(), low, kMaxLine);
      line = line_of(block);
    }
    const std::string_view there = hash_of_line(line);
    if (there.empty()) return std::nullopt;
    if (there == hash) return parse_line(line);
    if (there < hash)
      low = start + line.size() + 1;
    else if (start == low)
      return std::nullopt;
    else
      high = middle + 1;  // what starts behind it starts at `start` or later
  }
  return std::nullopt;
}

Verdict KeyFile::check(const Attempt& attempt) {
  refresh();
  Verdict verdict;
  if (attempt.key.size() > kMaxKey) return verdict;
  // The table is searched by the HMAC of the key, which tells nothing about how near the key was.
  verdict.credential = hash_of_key(salt_, attempt.key);
  const auto found = find(verdict.credential);
  if (!found || !equal_constant_time(found->hash, verdict.credential)) {
    verdict.credential.clear();
    return verdict;
  }
  verdict.key = found->key;
  verdict.refusal = judge(found->key, attempt);
  return verdict;
}

uint64_t KeyFile::version() {
  refresh();
  return version_;
}

bool KeyFile::may_stay(const std::string& credential) {
  refresh();
  const auto found = find(credential);
  return !found || !found->key.revoked || !found->key.kick;
}

}  // namespace stream::keys
