#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/write.hpp>
#include <ctime>
#include <sstream>

#include "http/connection.h"

namespace stream::http {

std::string head_of(const Response& response, unsigned version, bool keep) {
  namespace beast_http = boost::beast::http;
  beast_http::response_header<> head;
  head.version(version);
  head.result(response.status);
  head.set(beast_http::field::access_control_expose_headers,
           "Content-Length, Content-Range, Age, Date");
  for (const auto& [name, value] : response.headers) {
    if (name == "Access-Control-Expose-Headers")
      head.set(name, value);
    else
      head.insert(name, value);
  }
  if (!response.type.empty()) head.set(beast_http::field::content_type, response.type);
  if (response.status != 204 && response.status != 304)
    head.set(beast_http::field::content_length, std::to_string(response.size()));
  char date[40];
  const std::time_t now = std::time(nullptr);
  std::tm tm{};
  ::gmtime_r(&now, &tm);
  std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
  head.set(beast_http::field::date, date);
  head.set(beast_http::field::access_control_allow_origin, "*");
  head.set("X-Content-Type-Options", "nosniff");
  head.set(beast_http::field::connection, keep ? "keep-alive" : "close");
  std::ostringstream out;
  out << head;
  return out.str();
}

}  // namespace stream::http
