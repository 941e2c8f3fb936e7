#include "base/text.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/secret.h"

using namespace stream;

TEST_CASE("escaped") {
  SUBCASE("plain text and UTF-8 stay") {
    CHECK(escaped("Hochzeit Müller 💍") == "Hochzeit Müller 💍");
  }
  SUBCASE("controls and escape sequences show as bytes") {
    CHECK(escaped("a\x1b[31mb\r\nc\x7f") == "a\\x1b[31mb\\x0d\\x0ac\\x7f");
  }
  SUBCASE("bidi marks, separators and C1 controls show as code points") {
    CHECK(escaped("\u202eevil\u2066\u2028") == "\\u{202e}evil\\u{2066}\\u{2028}");
    CHECK(escaped("\u0085") == "\\u{85}");
  }
  SUBCASE("invalid UTF-8: overlong, surrogate, truncated, beyond the last plane") {
    CHECK(escaped("\xc0\x80") == "\\xc0\\x80");
    CHECK(escaped("\xed\xa0\x80") == "\\xed\\xa0\\x80");
    CHECK(escaped("\xe2\x82") == "\\xe2\\x82");
    CHECK(escaped("\xf5\x80\x80\x80") == "\\xf5\\x80\\x80\\x80");
  }
  SUBCASE("NUL inside, and the cut") {
    CHECK(escaped(std::string("a\0b", 3)) == "a\\x00b");
    CHECK(escaped(std::string(500, 'x'), 10) == "xxxxxxxxxx...");
  }
}

TEST_CASE("nearest finds typing errors only") {
  const std::vector<std::string> words = {"issue", "rotate", "revoke", "list"};
  CHECK(nearest("isue", words) == "issue");
  CHECK(nearest("rotat", words) == "rotate");
  CHECK_FALSE(nearest("completely-else", words));
  CHECK_FALSE(nearest("", words));
}

TEST_CASE("stream names") {
  for (const char* good : {"demo", "0", "a.b_c-d", "wedding-2026.11"}) CHECK(is_stream_name(good));
  for (const char* bad :
       {"", ".", "..", "a..b", "../x", "a/b", "Demo", "-x", ".x", "a b", "a\n", "ä", "a%2e"})
    CHECK_FALSE(is_stream_name(bad));
  CHECK(is_stream_name(std::string(63, 'a')));
  CHECK_FALSE(is_stream_name(std::string(64, 'a')));
  CHECK_FALSE(is_stream_name(std::string_view("a\0b", 3)));
  for (const char* good : {"demo", "demo/720p", "a.b/source", "demo/Low_2-x"})
    CHECK(is_bus_name(good));
  for (const char* bad :
       {"", "/720p", "demo/", "demo/../x", "demo/a/b", "demo/a.b", "De/720p", "demo/\x1b"})
    CHECK_FALSE(is_bus_name(bad));
  CHECK_FALSE(is_bus_name("demo/" + std::string(64, 'a')));
  CHECK_THROWS_AS(check_bus_name("demo/.."), Error);
  CHECK_THROWS_WITH_AS(check_stream_name("A\x1b"), "'A\\x1b' is not a stream name", Error);
}

TEST_CASE("Secret compares by value and moves without a trace") {
  Secret a("correct horse"), b("correct horse"), c("correct horsf");
  CHECK(a == b);
  CHECK_FALSE(a == c);
  Secret d(std::move(a));
  CHECK(d.reveal() == "correct horse");
  CHECK(a.empty());
}
