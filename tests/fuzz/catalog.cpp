// The catalogue's entries, and credentials files.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "archive/catalog_entry.h"
#include "archive/location.h"
#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stream::archive;
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    const CatalogEntry entry = entry_from_json(Json::parse(text, nullptr, false));
    const Json json = to_json(entry);  // what was read can be written and read again
    if (to_json(entry_from_json(json)) != json) std::abort();
  } catch (const stream::Error&) {
  }
  parse_credentials(stream::Secret(text), "default");
  return 0;
}
