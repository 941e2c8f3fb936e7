// The key store in one file that stream-keys writes and stream-ingest reads, stream-key-file(5).
// The file is sorted by hash, so a check reads some blocks of it and never the whole. Not
// thread-safe.
#pragma once
#include <memory>

#include "keys/key_line.h"
#include "keys/key_store.h"
#include "os/fd.h"

namespace stream::keys {

// STATE/ingest-keys
std::string default_key_file();
// HMAC-SHA256 of the key under the salt, in hex: the name of a key that may be written down.
std::string hash_of_key(const Salt& salt, std::string_view key);

class KeyFile : public KeyStore {
 public:
  // Throws Error "keys.absent", "keys.damaged" (with the line), and what os::open_private throws.
  // Later on a file that became unreadable is a warning in the log and the last good one counts.
  explicit KeyFile(std::string path);

  Verdict check(const Attempt& attempt) override;
  uint64_t version() override;
  bool may_stay(const std::string& credential) override;

 private:
  struct Identity {
    uint64_t device = 0, inode = 0, size = 0;
    int64_t changed = 0;
    bool operator==(const Identity&) const = default;
  };
  void open();
  void refresh();
  std::optional<Credential> find(std::string_view hash) const;

  std::string path_;
  os::Fd file_;
  Identity identity_;
  Salt salt_{};
  uint64_t first_ = 0;  // where the first key's line starts
  uint64_t version_ = 0;
};

}  // namespace stream::keys
