// The writing side of a key file: read, change, write. One change at a time under a lock, saved by
// a rename, so that readers see the old or the new file. Holds the file's text, not a tree of it.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"
#include "keys/key_line.h"

namespace stream::keys {

// What `new` asks for.
struct Wanted {
  std::string stream, label;
  std::optional<int64_t> expires;
  unsigned max_sessions = 1;
  std::vector<std::string> protocols, from;
};

struct Issued {
  Key key;
  Secret secret;  // empty when the key with that label was there already
};

class KeyBook {
 public:
  // An absent file reads as an empty one with a fresh salt. Throws as KeyFile does, and for any
  // line that is not in order (with its number).
  explicit KeyBook(const std::string& path);

  // Every key, in the file's order.
  void each(const std::function<void(const Credential&)>& visit) const;
  // All credentials of an id (two while a rotation's grace lasts), or whose stream is `stream`.
  std::vector<Credential> of_id(std::string_view id) const;
  std::vector<Credential> of_stream(std::string_view stream) const;

  // The unexpired, unrevoked key of that stream and label, or a new one. With `rotate` the old one
  // ends and the answer has a new secret under the same id. A label that is empty is always new.
  Issued issue(const Wanted& wanted, bool rotate, int64_t now);
  // A new secret under the same id; the old one still counts until now + grace. The key must exist.
  Issued rotate(std::string_view id, int64_t now, int64_t grace_ms);
  // False when there is no such key. Repeating it changes nothing but may add `kick`.
  bool revoke(std::string_view id, int64_t now, bool kick);

  bool changed() const { return changed_; }
  std::string text() const;

 private:
  Issued add(Key key);
  void put(const Credential& credential);

  std::string path_, text_;
  Salt salt_{};
  // Lines in order of hash; they look into text_ and added_.
  std::vector<std::string_view> lines_;
  std::vector<std::unique_ptr<std::string>> added_;
  bool changed_ = false;
};

// Locks, reads, edits, saves if the book changed; 0600, synced.
void change_keys(const std::string& path, const std::function<void(KeyBook&)>& edit);

}  // namespace stream::keys
