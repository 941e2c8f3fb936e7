// The file that holds destination secrets, logins and signing keys. Every change is: lock, read
// again, change, write aside, rename; so a kill leaves the old or the new vault, and no writer
// loses another's change. One object belongs to one thread. Values leave it as Secret.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "vault/format.h"

namespace stream::vault {

// $STREAM_VAULT, else STATE/vault.
std::string default_path();

// Gives the root key of a vault; see vault/unlock.h for the usual way.
using Unlock = std::function<crypto::LockedBytes(const Header& header, const std::string& path)>;

struct Listed {
  std::string name;
  Kind kind;
  uint64_t created, updated, expires;  // milliseconds since 1970; expires 0: never
};

// Names, kinds and times without any key. They are not hidden, and only checked when unlocked.
std::vector<Listed> list(const std::string& path);
Header read_header(const std::string& path);

class Vault {
 public:
  // Makes an empty vault. Throws Error "vault.exists" when there is one.
  static Vault create(const std::string& path, const Header& header, Unlock unlock);
  // Throws Error "vault.absent", "vault.damaged", "vault.version", "vault.cost", "vault.key" (the
  // wrong one), and what os::open_private throws.
  Vault(std::string path, Unlock unlock);

  const std::string& path() const { return path_; }
  const Header& header() const { return file_.header; }
  std::vector<Listed> list() const;

  // As of the last read of the file. find() gives nullopt, get() throws Error "vault.entry".
  std::optional<Secret> find(const std::string& name) const;
  Secret get(const std::string& name) const;
  void reload();

  // Each reads again under the lock, changes and saves. Names must be entry names (checked).
  void put(const std::string& name, Kind kind, const Secret& value, uint64_t expires = 0);
  // Like put(), but leaves an entry alone that is there already; false then.
  bool add(const std::string& name, Kind kind, const Secret& value, uint64_t expires = 0);
  bool remove(const std::string& name);
  void put_all(const std::vector<std::pair<Listed, Secret>>& entries);
  // New salt, new keys, every entry sealed anew, the previous generation removed.
  void rekey(const Header& header, Unlock unlock);

 private:
  struct Empty {};
  Vault(Empty, std::string path, Unlock unlock)
      : path_(std::move(path)), unlock_(std::move(unlock)) {}
  void read();
  void save(bool keep_previous);
  void change(bool keep_previous, const std::function<bool()>& edit);
  void set(const std::string& name, Kind kind, Bytes value, uint64_t created, uint64_t expires);
  std::vector<Entry>::iterator at(const std::string& name);

  std::string path_;
  Unlock unlock_;
  File file_;
  std::optional<Keys> keys_;
};

// Throws Error kUsage "vault.name" with the grammar unless is_entry_name.
void check_entry_name(std::string_view name);

// When an entry was last given to a program: the time of an empty file beside the vault. nullopt:
// never. Marking fails silently: that is no reason to withhold a secret.
std::optional<int64_t> last_used(const std::string& path, const std::string& name);
void mark_used(const std::string& path, const std::string& name);

}  // namespace stream::vault
