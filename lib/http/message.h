// What a handler sees of a request and gives as its response. No Beast in here.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "os/fd.h"

namespace stream::http {

struct Request {
  std::string method;  // in upper case
  std::string path;    // percent-decoded, begins with '/', no ".", ".." or empty inner segment
  std::string query;   // as it came, without '?'
  std::string address;
  uint16_t port = 0;                                         // of the other side, as is `address`
  bool secure = false;                                       // it came in TLS
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;                                          // never with GET and HEAD

  std::string_view header(std::string_view name) const;  // empty when absent
};

class Reply;

struct Response {
  unsigned status = 200;
  std::string type;  // Content-Type
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  // Instead of `body`: `length` bytes of a file from `offset`.
  os::Fd file;
  uint64_t offset = 0, length = 0;
  // Instead of all of this: the answer comes later. The other side waits, as long as the server's
  // limits let it.
  std::shared_ptr<Reply> later;

  uint64_t size() const { return file ? length : body.size(); }
};

// An answer that its handler gives later, on the server's thread. It may outlive the connection and
// the server; then nothing comes of it. Let go of unanswered, it is answered with 500.
class Reply {
 public:
  Reply() = default;
  Reply(const Reply&) = delete;
  ~Reply();
  void send(Response response);  // the first one counts
  bool sent() const noexcept { return sent_; }
  // The server's side: called once, at once when the answer is there.
  void on_sent(std::function<void(Response)> handler);

 private:
  std::function<void(Response)> handler_;
  std::optional<Response> response_;
  bool sent_ = false;
};
// What a handler returns that answers through `reply`.
Response later(std::shared_ptr<Reply> reply);

Response text_response(unsigned status, std::string text);
// application/problem+json (RFC 9457): what is wrong and what to do, for people.
Response problem(unsigned status, const std::string& title, const std::string& detail);
// To OPTIONS: what a page may send here. Lists as they stand in the header: "POST, DELETE".
Response preflight(const std::string& methods, const std::string& headers);
Response method_refused(const std::string& methods);  // 405

// Decodes and checks the target's path; nullopt for a bad escape, NUL, controls, backslash or a
// segment "." or "..".
std::optional<std::string> decode_path(std::string_view target);
std::string percent_encoded(std::string_view text);  // for a path segment
std::string html_escaped(std::string_view text);

}  // namespace stream::http
