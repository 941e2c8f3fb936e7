#include "archive/s3_xml.h"

#include <charconv>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <pugixml.hpp>

namespace stream::archive {

namespace {

// Names are compared without a namespace prefix: some stores write one.
const char* local_name(const pugi::xml_node& node) {
  const char* colon = std::strchr(node.name(), ':');
  return colon ? colon + 1 : node.name();
}

pugi::xml_node child(const pugi::xml_node& parent, const char* name) {
  for (const pugi::xml_node& node : parent.children())
    if (std::strcmp(local_name(node), name) == 0) return node;
  return {};
}

std::string text_of(const pugi::xml_node& parent, const char* name) {
  return child(parent, name).child_value();
}

template <typename Number>
Number number_of(const pugi::xml_node& parent, const char* name) {
  const std::string text = text_of(parent, name);
  Number value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : Number{0};
}

bool is_true(const pugi::xml_node& parent, const char* name) {
  return text_of(parent, name) == "true";
}

// The root element of that name. S3 sends spaces in front while it is busy.
bool parse_root(std::string_view xml, const char* name, pugi::xml_document& document,
                pugi::xml_node& root) {
  while (!xml.empty() && (xml.front() == ' ' || xml.front() == '\n' || xml.front() == '\r'))
    xml.remove_prefix(1);
  const auto result = document.load_buffer(
      xml.data(), xml.size(), pugi::parse_minimal | pugi::parse_escapes | pugi::parse_eol,
      pugi::encoding_utf8);
  if (!result) return false;
  for (const pugi::xml_node& node : document.children()) {
    if (node.type() != pugi::node_element) continue;
    root = node;
    return std::strcmp(local_name(node), name) == 0;
  }
  return false;
}

int month_of(std::string_view name) {
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const size_t at = kMonths.find(name);
  return name.size() == 3 && at != kMonths.npos && at % 3 == 0 ? static_cast<int>(at / 3) : -1;
}

std::optional<WallTime> from_utc(int year, int month, int day, int hour, int minute, int second) {
  if (year < 1970 || year > 2200 || month < 0 || month > 11 || day < 1 || day > 31 || hour < 0 ||
      hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) {
    return std::nullopt;
  }
  std::tm tm{};
  tm.tm_year = year - 1900;
  tm.tm_mon = month;
  tm.tm_mday = day;
  tm.tm_hour = hour;
  tm.tm_min = minute;
  tm.tm_sec = second;
  return std::chrono::system_clock::from_time_t(timegm(&tm));
}

}  // namespace

std::optional<WallTime> parse_s3_time(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (std::sscanf(std::string(text.substr(0, 32)).c_str(), "%4d-%2d-%2dT%2d:%2d:%2d", &year, &month,
                  &day, &hour, &minute, &second) != 6) {
    return std::nullopt;
  }
  return from_utc(year, month - 1, day, hour, minute, second);
}

std::optional<WallTime> parse_http_time(std::string_view text) {
  int year = 0, day = 0, hour = 0, minute = 0, second = 0;
  char month[4] = "";
  if (std::sscanf(std::string(text.substr(0, 40)).c_str(), "%*3c, %2d %3s %4d %2d:%2d:%2d", &day,
                  month, &year, &hour, &minute, &second) != 6) {
    return std::nullopt;
  }
  return from_utc(year, month_of(month), day, hour, minute, second);
}

std::optional<S3Error> parse_s3_error(std::string_view xml) {
  pugi::xml_document document;
  pugi::xml_node root;
  if (!parse_root(xml, "Error", document, root)) return std::nullopt;
  return S3Error{text_of(root, "Code"), text_of(root, "Message"), text_of(root, "Region")};
}

std::optional<std::string> parse_upload_id(std::string_view xml) {
  pugi::xml_document document;
  pugi::xml_node root;
  if (!parse_root(xml, "InitiateMultipartUploadResult", document, root)) return std::nullopt;
  std::string id = text_of(root, "UploadId");
  if (id.empty() || id.size() > 4096) return std::nullopt;
  return id;
}

std::optional<std::string> parse_completed(std::string_view xml) {
  pugi::xml_document document;
  pugi::xml_node root;
  if (!parse_root(xml, "CompleteMultipartUploadResult", document, root)) return std::nullopt;
  return text_of(root, "ETag");
}

std::optional<Page> parse_listing(std::string_view xml) {
  pugi::xml_document document;
  pugi::xml_node root;
  if (!parse_root(xml, "ListBucketResult", document, root)) return std::nullopt;
  Page page;
  for (const pugi::xml_node& node : root.children()) {
    if (std::strcmp(local_name(node), "Contents") == 0) {
      Object object;
      object.key = text_of(node, "Key");
      object.size = number_of<uint64_t>(node, "Size");
      object.etag = text_of(node, "ETag");
      object.modified = parse_s3_time(text_of(node, "LastModified")).value_or(WallTime());
      if (!object.key.empty()) page.objects.push_back(std::move(object));
    } else if (std::strcmp(local_name(node), "CommonPrefixes") == 0) {
      page.prefixes.push_back(text_of(node, "Prefix"));
    }
  }
  if (is_true(root, "IsTruncated")) page.next = text_of(root, "NextContinuationToken");
  return page;
}

std::optional<PartPage> parse_parts(std::string_view xml) {
  pugi::xml_document document;
  pugi::xml_node root;
  if (!parse_root(xml, "ListPartsResult", document, root)) return std::nullopt;
  PartPage page;
  for (const pugi::xml_node& node : root.children()) {
    if (std::strcmp(local_name(node), "Part") != 0) continue;
    Part part;
    part.number = number_of<int>(node, "PartNumber");
    part.size = number_of<uint64_t>(node, "Size");
    part.etag = text_of(node, "ETag");
    if (part.number > 0) page.parts.push_back(std::move(part));
  }
  if (is_true(root, "IsTruncated")) page.next = number_of<int>(root, "NextPartNumberMarker");
  return page;
}

std::optional<UploadPage> parse_uploads(std::string_view xml) {
  pugi::xml_document document;
  pugi::xml_node root;
  if (!parse_root(xml, "ListMultipartUploadsResult", document, root)) return std::nullopt;
  UploadPage page;
  for (const pugi::xml_node& node : root.children()) {
    if (std::strcmp(local_name(node), "Upload") != 0) continue;
    page.uploads.push_back({text_of(node, "Key"), text_of(node, "UploadId"),
                            parse_s3_time(text_of(node, "Initiated")).value_or(WallTime())});
  }
  if (is_true(root, "IsTruncated")) {
    page.next_key = text_of(root, "NextKeyMarker");
    page.next_id = text_of(root, "NextUploadIdMarker");
  }
  return page;
}

std::optional<std::vector<std::pair<std::string, std::string>>> parse_deleted(
    std::string_view xml) {
  pugi::xml_document document;
  pugi::xml_node root;
  if (!parse_root(xml, "DeleteResult", document, root)) return std::nullopt;
  std::vector<std::pair<std::string, std::string>> failed;
  for (const pugi::xml_node& node : root.children())
    if (std::strcmp(local_name(node), "Error") == 0)
      failed.emplace_back(text_of(node, "Key"), text_of(node, "Code"));
  return failed;
}

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\r')
      out += "&#13;";
    else
      out += c;
  }
  return out;
}

std::string complete_xml(const std::vector<Part>& parts) {
  std::string out = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (const Part& part : parts) {
    out += "<Part><PartNumber>" + std::to_string(part.number) + "</PartNumber><ETag>" +
           xml_text(part.etag) + "</ETag></Part>";
  }
  return out + "</CompleteMultipartUpload>";
}

std::string delete_xml(const std::vector<std::string>& keys) {
  std::string out = "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>";
  for (const std::string& key : keys) out += "<Object><Key>" + xml_text(key) + "</Key></Object>";
  return out + "</Delete>";
}

}  // namespace stream::archive
