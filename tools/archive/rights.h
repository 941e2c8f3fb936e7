// A recording's rights as a file, where stream-serve looks for those of an HLS output.
#pragma once
#include <string>

#include "archive/catalog_entry.h"
#include "manifest/rights.h"

namespace stream::archive {

manifest::Rights rights_of(const CatalogEntry& entry);
void write_rights(const CatalogEntry& entry, const std::string& folder);

}  // namespace stream::archive
