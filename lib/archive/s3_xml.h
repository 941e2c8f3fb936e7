// The XML answers of S3-compatible stores: bytes in, values out. An answer is bounded by who read
// it; no entities but XML's own are expanded (pugixml knows no others). Unknown elements are
// skipped, missing ones are empty.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/store.h"

namespace stream::archive {

struct S3Error {
  std::string code, message, region;
};

// What <Error> says, wherever it is the root; nullopt for anything else.
std::optional<S3Error> parse_s3_error(std::string_view xml);
std::optional<std::string> parse_upload_id(std::string_view xml);
// The ETag that completing answered with; nullopt when it is no such answer.
std::optional<std::string> parse_completed(std::string_view xml);
// nullopt when it is no listing.
std::optional<Page> parse_listing(std::string_view xml);

struct PartPage {
  std::vector<Part> parts;
  int next = 0;  // 0: that was all
};
std::optional<PartPage> parse_parts(std::string_view xml);

struct UploadPage {
  std::vector<Upload> uploads;
  std::string next_key, next_id;  // empty: that was all
};
std::optional<UploadPage> parse_uploads(std::string_view xml);

// Keys that could not be deleted, with why; empty when all went.
std::optional<std::vector<std::pair<std::string, std::string>>> parse_deleted(std::string_view xml);

// 2026-11-20T10:00:00.000Z; nullopt for anything else.
std::optional<WallTime> parse_s3_time(std::string_view text);
// RFC 9110 IMF-fixdate: "Fri, 24 May 2013 00:00:00 GMT".
std::optional<WallTime> parse_http_time(std::string_view text);

std::string complete_xml(const std::vector<Part>& parts);
std::string delete_xml(const std::vector<std::string>& keys);
std::string xml_text(std::string_view text);  // escaped

}  // namespace stream::archive
