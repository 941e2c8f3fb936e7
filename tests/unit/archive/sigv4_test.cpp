// The examples that AWS publishes ("Authenticating Requests: Using the Authorization Header" and
// "... Query Parameters").
#include "archive/sigv4.h"

#include <doctest/doctest.h>

using namespace stream;
using namespace stream::archive;

namespace {

const Credentials kExample{
    "AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), {}};
const Scope kScope{"20130524T000000Z", "us-east-1"};
const char kHost[] = "examplebucket.s3.amazonaws.com";

std::string sign(const SignedRequest& request) {
  return signature(kAws, kExample, kScope, canonical_request(request));
}

Pairs headers(std::string payload = kEmptyHash) {
  return {{"host", kHost},
          {"x-amz-content-sha256", std::move(payload)},
          {"x-amz-date", "20130524T000000Z"}};
}

}  // namespace

TEST_CASE("a signature of version 4 is what AWS publishes") {
  SUBCASE("GET with a range") {
    SignedRequest request{"GET", "/test.txt", {}, headers()};
    request.headers.emplace_back("Range", "bytes=0-9");
    CHECK(sign(request) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    CHECK(authorization(kAws, kExample, kScope, request) ==
          "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
          "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
          "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  }
  SUBCASE("PUT with a body") {
    const std::string hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
    SignedRequest request{"PUT", uri_encode("/test$file.text", true), {}, headers(hash), hash};
    request.headers.emplace_back("date", "Fri, 24 May 2013 00:00:00 GMT");
    request.headers.emplace_back("x-amz-storage-class", "REDUCED_REDUNDANCY");
    CHECK(request.path == "/test%24file.text");
    CHECK(sign(request) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  }
  SUBCASE("a query without a value") {
    CHECK(sign({"GET", "/", {{"lifecycle", ""}}, headers()}) ==
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  }
  SUBCASE("a query with values, in any order") {
    CHECK(sign({"GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, headers()}) ==
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
  }
  SUBCASE("a presigned address") {
    const std::string query =
        presigned_query(kAws, kExample, kScope, {"GET", "/test.txt", {}, {{"host", kHost}}}, 86400);
    CHECK(query.ends_with(
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"));
    CHECK(
        query.starts_with("X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE"
                          "%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&"));
  }
}

TEST_CASE("canonical forms follow S3's rules") {
  CHECK(uri_encode("a b/c+d~e%\xc3\xa4", true) == "a%20b/c%2Bd~e%25%C3%A4");
  CHECK(uri_encode("a/b", false) == "a%2Fb");
  CHECK(canonical_query({{"b", "2"}, {"a", "x y"}, {"a", "+"}, {"uploads", ""}}) ==
        "a=%2B&a=x%20y&b=2&uploads=");
  SUBCASE("headers are sorted by name, trimmed, joined") {
    const SignedRequest request{"GET",
                                "/a//../b",
                                {},
                                {{"X-Amz-Meta-A-B", " 1 "},
                                 {"x-amz-meta-a", "two   words"},
                                 {"x-amz-meta-a", "again"},
                                 {"host", "h:9000"}}};
    CHECK(canonical_request(request) ==
          "GET\n/a//../b\n\nhost:h:9000\nx-amz-meta-a:two words,again\nx-amz-meta-a-b:1\n\n"
          "host;x-amz-meta-a;x-amz-meta-a-b\n" +
              std::string(kEmptyHash));
  }
  SUBCASE("Google's twin differs in names alone") {
    CHECK(kScope.text(kGoog) == "20130524/us-east-1/storage/goog4_request");
    CHECK(authorization(kGoog, kExample, kScope, {"GET", "/b", {}, {{"host", "h"}}})
              .starts_with("GOOG4-HMAC-SHA256 Credential="));
  }
  CHECK(timestamp(std::chrono::system_clock::from_time_t(1369353600)) == "20130524T000000Z");
}
