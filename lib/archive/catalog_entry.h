// What the catalogue says about one recording, stream.catalog/1: where its files are, how to check
// them, who may see it. lib/archive/schema/catalog-1.json is its JSON Schema.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "archive/upload.h"
#include "manifest/rights.h"

namespace stream::archive {

using Json = nlohmann::json;

struct CatalogFile {
  std::string path;  // its name where it was recorded
  Receipt receipt;
  std::optional<WallTime> verified;  // when size and checksum were last read back
};

struct CatalogEntry {
  std::string id;         // [A-Za-z0-9._-]+, unique within its stream
  std::string stream;     // may be empty
  uint64_t sequence = 0;  // grows with each recording that is put; age is judged beside it
  WallTime archived{}, started{};
  std::optional<WallTime> ended;
  double duration = 0;  // seconds; 0: not known
  bool held = false;
  manifest::Rights rights;
  std::vector<CatalogFile> files;
  Json manifest;  // stream.recording/1 as it was, or null

  uint64_t bytes() const;
};

Json to_json(const ChatMessage& message);
Json to_json(const CatalogEntry& entry);
// Throws Error kConfig "catalog.invalid" naming what is wrong. Unknown fields are left alone.
CatalogEntry entry_from_json(const Json& document);
bool is_recording_id(std::string_view text);

}  // namespace stream::archive
