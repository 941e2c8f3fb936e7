#include "archive/s3_xml.h"

#include <doctest/doctest.h>

using namespace stream::archive;

namespace {

const std::string kListing =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>"
    "<Contents><Key>a &amp; b/&#x41;.mp4</Key><LastModified>2026-11-20T10:00:00.000Z</LastModified>"
    "<ETag>&quot;e1&quot;</ETag><Size>18446744073709551615</Size></Contents>"
    "<Contents><Key>c</Key><Size>-1</Size></Contents>"
    "<CommonPrefixes><Prefix>demo/</Prefix></CommonPrefixes>"
    "<IsTruncated>true</IsTruncated><NextContinuationToken>t+/=</NextContinuationToken>"
    "</ListBucketResult>";

}  // namespace

TEST_CASE("a listing is read") {
  const auto page = parse_listing(kListing);
  REQUIRE(page);
  REQUIRE(page->objects.size() == 2);
  CHECK(page->objects[0].key == "a & b/A.mp4");
  CHECK(page->objects[0].etag == "\"e1\"");
  CHECK(page->objects[0].size == UINT64_MAX);
  CHECK(page->objects[0].modified == std::chrono::system_clock::from_time_t(1795168800));
  CHECK(page->objects[1].size == 0);
  CHECK(page->prefixes == std::vector<std::string>{"demo/"});
  CHECK(page->next == "t+/=");
}

TEST_CASE("no prefix of an answer is taken for the whole") {
  for (size_t n = 0; n < kListing.size(); ++n)
    CHECK_FALSE(parse_listing(std::string_view(kListing).substr(0, n)));
}

TEST_CASE("an answer of another kind is none") {
  CHECK_FALSE(parse_listing("<Error><Code>SlowDown</Code></Error>"));
  CHECK_FALSE(parse_completed(kListing));
  CHECK_FALSE(parse_upload_id("<InitiateMultipartUploadResult/>"));
  CHECK_FALSE(parse_s3_error("<html><body>503</body></html>"));
  CHECK_FALSE(parse_s3_error(""));
}

TEST_CASE("an error is found behind the spaces that S3 sends first") {
  const auto error = parse_s3_error(
      "   \n \n<?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>m</Message>"
      "<Region>eu-west-1</Region></Error>");
  REQUIRE(error);
  CHECK(error->code == "InternalError");
  CHECK(error->message == "m");
  CHECK(error->region == "eu-west-1");
}

TEST_CASE("entities of a document's own are not expanded") {
  const auto error =
      parse_s3_error("<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\">]><Error><Code>&a;&a;</Code></Error>");
  CHECK((!error || error->code.find("aaa") == std::string::npos));
}

TEST_CASE("parts and uploads are read") {
  const auto parts = parse_parts(
      "<ListPartsResult><Part><PartNumber>2</PartNumber><ETag>\"x\"</ETag><Size>5</Size></Part>"
      "<Part><PartNumber>nine</PartNumber></Part><IsTruncated>true</IsTruncated>"
      "<NextPartNumberMarker>2</NextPartNumberMarker></ListPartsResult>");
  REQUIRE(parts);
  REQUIRE(parts->parts.size() == 1);
  CHECK(parts->parts[0].number == 2);
  CHECK(parts->parts[0].size == 5);
  CHECK(parts->next == 2);
  const auto uploads = parse_uploads(
      "<s3:ListMultipartUploadsResult xmlns:s3=\"x\"><s3:Upload><s3:Key>k</s3:Key>"
      "<s3:UploadId>i</s3:UploadId></s3:Upload></s3:ListMultipartUploadsResult>");
  REQUIRE(uploads);
  REQUIRE(uploads->uploads.size() == 1);
  CHECK(uploads->uploads[0].key == "k");
}

TEST_CASE("times are read strictly") {
  CHECK(parse_http_time("Fri, 24 May 2013 00:00:00 GMT") ==
        std::chrono::system_clock::from_time_t(1369353600));
  CHECK_FALSE(parse_http_time("Fri, 24 Yam 2013 00:00:00 GMT"));
  CHECK_FALSE(parse_http_time("yesterday"));
  CHECK_FALSE(parse_s3_time("2026-13-20T10:00:00Z"));
}

TEST_CASE("what is sent is escaped") {
  CHECK(complete_xml({{1, 0, 0, "\"a<b\""}}).find("&quot;a&lt;b&quot;") != std::string::npos);
  CHECK(delete_xml({"a&b"}).find("<Key>a&amp;b</Key>") != std::string::npos);
}
