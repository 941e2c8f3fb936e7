// Requests to other people's HTTP servers by libcurl: blocking, one at a time, small answers. HTTPS
// with checked certificates; plain HTTP to loopback only, or where reject_address() lets it; no
// redirects, so that a token goes nowhere else.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/secret.h"

namespace stream::fetch {

struct Request {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"; may hold secrets
  Secret body;
  std::chrono::milliseconds timeout{30'000};
  size_t max_body = 1 << 20;
  // Asked for each connection with the numeric address that it would go to, so that no name leads
  // anywhere else; not empty: why it is not made. With it no proxy is used.
  std::function<std::string(const std::string& address)> reject_address;
  const std::atomic<bool>* cancelled = nullptr;  // ends it within a second or so
};

struct Response {
  int status = 0;  // 0: no answer; `failure` says why, without the request's query or headers
  std::string body, failure;
};

Response send(const Request& request);

// application/x-www-form-urlencoded (RFC 3986 escapes), for bodies and queries.
using Fields = std::vector<std::pair<std::string, std::string>>;
std::string form(const Fields& fields);

}  // namespace stream::fetch
