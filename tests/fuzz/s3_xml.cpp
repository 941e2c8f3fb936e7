// What a store answers: listings, parts, uploads, errors, times.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "archive/s3_xml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stream::archive;
  const std::string_view xml(reinterpret_cast<const char*>(data), size);
  if (const auto page = parse_listing(xml)) {
    std::vector<std::string> keys;
    for (const Object& object : page->objects) keys.push_back(object.key);
    if (delete_xml(keys).empty()) std::abort();
  }
  if (const auto parts = parse_parts(xml))
    if (complete_xml(parts->parts).empty()) std::abort();
  parse_uploads(xml);
  parse_s3_error(xml);
  parse_upload_id(xml);
  parse_completed(xml);
  parse_deleted(xml);
  parse_s3_time(xml);
  parse_http_time(xml);
  return 0;
}
