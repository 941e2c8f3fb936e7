// What a handler sees of a request and gives as its response. No Beast in here.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/fd.h"

namespace stream::http {

struct Request {
  std::string method;  // GET or HEAD
  std::string path;    // percent-decoded, begins with '/', no ".", ".." or empty inner segment
  std::string query;   // as it came, without '?'
  std::string address;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case

  std::string_view header(std::string_view name) const;  // empty when absent
};

struct Response {
  unsigned status = 200;
  std::string type;  // Content-Type
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // Instead of `body`: `length` bytes of a file from `offset`.
  os::Fd file;
  uint64_t offset = 0, length = 0;

  uint64_t size() const { return file ? length : body.size(); }
};

Response text_response(unsigned status, std::string text);

// Decodes and checks the target's path; nullopt for a bad escape, NUL, controls, backslash or a
// segment "." or "..".
std::optional<std::string> decode_path(std::string_view target);
std::string percent_encoded(std::string_view text);  // for a path segment
std::string html_escaped(std::string_view text);

}  // namespace stream::http
