// What of a place on this machine has arrived in a store, as of when: it is not looked for there
// again, and what was deleted there does not come back. A file per store and stream; a line of it
// goes when what it is about has gone. Thread-safe.
#pragma once
#include <map>
#include <mutex>
#include <string>

namespace stream::archive {

class Ledger {
 public:
  // What can't be read as a ledger counts as empty, with a line in the log: then all is compared
  // with the store once more.
  explicit Ledger(std::string path);

  // `mark`: tells the thing's content from any other it had, see mark_of_output().
  bool has(const std::string& thing, const std::string& mark) const;
  // On the disk when it returns. `thing`: an absolute path. Throws Error "os".
  void add(const std::string& thing, const std::string& mark);

 private:
  void save() const;

  const std::string path_;
  mutable std::mutex mutex_;
  std::map<std::string, std::string> marks_;
};

// Of a file: changes when it is written anew. Empty when it is not there.
std::string mark_of_file(const std::string& path);
// Of an HLS output: of all its playlists. Empty when it has none.
std::string mark_of_output(const std::string& directory);

}  // namespace stream::archive
