// A recording's files back onto the disk, shared by get and export.
#pragma once
#include <string>
#include <vector>

#include "archive/catalog_entry.h"
#include "control/service.h"
#include "progress.h"

namespace stream::archive {

struct Restored {
  std::vector<std::string> files;
  uint64_t received = 0;
};

// Each file appears under its name in `folder` when its SHA-256 is right; PATH.part of a broken run
// is continued. Throws Error "archive.damaged", "archive.exists" for another file of that name.
Restored restore_entry(Store& store, const CatalogEntry& entry, const std::string& folder,
                       Progress& progress, control::Service& service, const std::string& only = {});
void write_or_throw(int fd, std::string_view bytes, const std::string& path);

}  // namespace stream::archive
