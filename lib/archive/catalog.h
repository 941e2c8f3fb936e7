// The catalogue of a store: one object per recording beneath _catalog/ (no stream's name begins
// with
// '_'), and a local index of them that lists 100,000 in a moment. The objects are the truth; the
// index is made again from them whenever it is missing, and brought up to date by their ETags.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "archive/catalog_entry.h"
#include "archive/location.h"

namespace stream::archive {

// A line of the index. Views into Catalog::rows()' memory.
struct CatalogRow {
  std::string_view key, etag, stream, id, names, owner;  // names of its files, by spaces
  int64_t started_ms = 0, archived_ms = 0;
  uint64_t sequence = 0, bytes = 0, files = 0;
  double duration = 0;
  std::string_view flags;  // h hidden, p private, k kept by a hold
  std::string_view json;   // what list --json says
};

class Catalog {
 public:
  // `state`: where the index is kept, a directory.
  Catalog(OpenStore& store, std::string state);

  // From the local index, made up to date first when it is older than `max_age`; in order of keys.
  std::vector<CatalogRow> rows(Nanoseconds max_age);
  // Reads what changed in the store; how many entries were read.
  size_t refresh();

  std::string key_of(const std::string& stream, const std::string& id) const;
  std::optional<CatalogEntry> load(const std::string& key);
  // The entry of that id, "STREAM/ID" when more than one stream has it. Throws Error
  // "archive.absent", kUsage "archive.ambiguous".
  CatalogEntry find(const std::string& name, Nanoseconds max_age);
  void save(const CatalogEntry& entry);
  void remove(const CatalogEntry& entry);
  uint64_t next_sequence(Nanoseconds max_age);

 private:
  void append(const std::string& line);
  void read_index();

  OpenStore& store_;
  std::string state_, index_path_, text_;
  bool loaded_ = false;
};

// For tests: the line of an entry.
std::string index_line(const std::string& key, const std::string& etag, const CatalogEntry& entry);

}  // namespace stream::archive
