#include "http/message.h"

#include <doctest/doctest.h>

using namespace stream::http;

TEST_CASE("path: decoding") {
  CHECK(decode_path("/") == "/");
  CHECK(decode_path("/demo/720p/segment_1.m4s?x=../y") == "/demo/720p/segment_1.m4s");
  CHECK(decode_path("/a%20b/%C3%A9") == "/a b/\xc3\xa9");
  CHECK(decode_path("/demo/") == "/demo/");
  for (const char* bad : {"",
                          "demo",
                          "/../x",
                          "/demo/../x",
                          "/demo/..",
                          "/./x",
                          "//x",
                          "/a//b",
                          "/%2e%2e/x",
                          "/a%2f..",
                          "/%2e%2e%2fetc/passwd",
                          "/a%00b",
                          "/a%0d%0ab",
                          "/%",
                          "/%4",
                          "/%zz",
                          "/a\\..\\b",
                          "/a%5c..",
                          "/\x7f",
                          "http://x/"}) {
    CAPTURE(bad);
    CHECK(!decode_path(bad));
  }
}

TEST_CASE("path: every prefix of a target is a path or refused") {
  const std::string target = "/a%20b/%C3%A9/../x%2f%2e%2e%00?q=1";
  for (size_t n = 0; n <= target.size(); ++n) {
    const auto path = decode_path(target.substr(0, n));
    if (path) CHECK(path->find("..") == std::string::npos);
  }
}

TEST_CASE("text for HTML and URLs") {
  CHECK(html_escaped("<a href=\"x\">'&") == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
  CHECK(percent_encoded("a b/\xc3\xa9?") == "a%20b%2F%C3%A9%3F");
}

TEST_CASE("http: a problem is JSON whatever its text") {
  const Response response = problem(409, "in use", "\"a\\b\"\n");
  CHECK(response.status == 409);
  CHECK(response.type == "application/problem+json");
  CHECK(response.body ==
        "{\"title\": \"in use\", \"status\": 409, \"detail\": \"\\\"a\\\\b\\\"\\\\x0a\"}\n");
}
