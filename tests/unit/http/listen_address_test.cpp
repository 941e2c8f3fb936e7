#include "http/listen_address.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace stream;

TEST_CASE("where a server listens") {
  CHECK(http::listen_address("http://127.0.0.1:8080").port == 8080);
  CHECK(http::listen_address("http://[::1]:8080/").host == "::1");
  CHECK(http::listen_address("http://localhost").port == 80);
  CHECK(http::listen_address("http://localhost:0").port == 0);
  for (const char* wrong : {"", "8080", "https://h:1", "http://", "http://h/path", "http://h/?q",
                            "http://user@h:1", "http://h:99999"})
    CHECK_THROWS_AS(http::listen_address(wrong), Error);
  using enum http::Schemes;
  CHECK_FALSE(http::listen_address("http://h:1", kHttpAndHttps).tls);
  CHECK(http::listen_address("https://h:1", kHttpAndHttps).tls);
  CHECK(http::listen_address("https://h", kHttpAndHttps).port == 443);
  CHECK(http::listen_address("https://h:0/", kHttpAndHttps).port == 0);
  CHECK_THROWS_AS(http::listen_address("whips://h:1", kHttpAndHttps), Error);
}
