// The bytes of a vault file, version 1, as stream-vault(5) writes them down. Bytes in, values out:
// no file, no clock and no key derivation in here; what may be expensive is capped when it is read.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/hash.h"
#include "crypto/seal.h"

namespace stream::vault {

inline constexpr size_t kHeaderSize = 40;
inline constexpr size_t kMaxValue = 64 * 1024;
inline constexpr size_t kMaxEntries = 10'000;
inline constexpr size_t kMaxFile = 64 << 20;

enum class KeySource : uint8_t { kKeyFile = 0, kPassphrase = 1 };
// What an entry is for; numbers above are other versions' and pass through.
enum class Kind : uint8_t { kSecret = 0, kLogin = 1, kEndpoint = 2, kSigningKey = 3 };

struct Header {
  KeySource source = KeySource::kKeyFile;
  crypto::PasswordCost cost{0, 0};  // of kPassphrase; bearable
  std::array<uint8_t, crypto::kPasswordSalt> salt{};

  std::array<uint8_t, kHeaderSize> bytes() const;
  friend bool operator==(const Header& a, const Header& b) { return a.bytes() == b.bytes(); }
};

struct Entry {
  std::string name;
  Kind kind = Kind::kSecret;
  // Milliseconds since 1970; expires 0: never.
  uint64_t created = 0, updated = 0, expires = 0;
  crypto::Nonce nonce{};
  std::vector<uint8_t> sealed;

  // What is authenticated with the value beside the header (which the key is bound to).
  std::vector<uint8_t> label() const;
};

struct File {
  Header header;
  std::array<uint8_t, 16> check{};  // tells a wrong key from a damaged file
  uint64_t generation = 0;
  std::vector<Entry> entries;  // sorted by name, no name twice
  crypto::Digest seal{};       // over all that comes before it
};

enum class Fault { kNone, kNotVault, kVersion, kCost, kDamaged };
struct Parsed {
  Fault fault = Fault::kNone;
  File file;
};
Parsed parse(Bytes bytes);

// [a-z0-9][a-z0-9._-]{0,126} without "..".
bool is_entry_name(std::string_view name);

// The three keys of one vault, made from its root key and bound to its header.
class Keys {
 public:
  Keys(const Header& header, Bytes root);

  bool match(const File& file) const;            // the root key is this vault's
  bool intact(Bytes file) const;                 // the file's last 32 bytes seal the rest
  std::vector<uint8_t> write(File& file) const;  // sets check and seal

  std::optional<crypto::LockedBytes> open(const Entry& entry) const;
  void close(Entry& entry, Bytes value) const;  // with a fresh nonce, or entry.nonce if not zero

 private:
  std::array<uint8_t, 16> check_;
  crypto::LockedBytes entries_, whole_;
};

}  // namespace stream::vault
