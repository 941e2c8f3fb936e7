#include "base/units.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/time.h"
#include "base/url.h"

using namespace stream;
using namespace std::chrono_literals;

TEST_CASE("durations") {
  CHECK(parse_duration("250ms").value == 250ms);
  CHECK(parse_duration("1.5s").value == 1500ms);
  CHECK(parse_duration("10m").value == 10min);
  CHECK(parse_duration("30d").value == 720h);
  for (const char* bad :
       {"", "5", "s", "-1s", "1 s", "1sec", "1e3s", "nans", "infs", "1s2", "99999999999d"})
    CHECK_THROWS_AS(parse_duration(bad), Error);
  CHECK(to_text(Duration{250ms}) == "250ms");
  CHECK(to_text(Duration{3723s}) == "1h2m3s");
}

TEST_CASE("bit rates are decimal") {
  CHECK(parse_bit_rate("5000k").bps == 5'000'000);
  CHECK(parse_bit_rate("2.5M").bps == 2'500'000);
  CHECK(to_text(BitRate{5'000'000}) == "5M");
  CHECK(to_text(BitRate{1'400'000}) == "1400k");
  for (const char* bad : {"5000", "5kb", "5K", "k"}) CHECK_THROWS_AS(parse_bit_rate(bad), Error);
}

TEST_CASE("sizes") {
  CHECK(parse_byte_size("8MiB").bytes == 8u << 20);
  CHECK(parse_byte_size("1kB").bytes == 1000);
  CHECK(to_text(ByteSize{8u << 20}) == "8MiB");
  CHECK_THROWS_WITH_AS(parse_byte_size("8"), "'8' is not a size", Error);
}

TEST_CASE("picture sizes are even and sane") {
  CHECK(parse_frame_size("1280x720").height == 720);
  for (const char* bad : {"1280", "1280x", "x720", "1281x720", "8x8", "1280x720x3", "99999x2"})
    CHECK_THROWS_AS(parse_frame_size(bad), Error);
}

TEST_CASE("rescale rounds to the nearest and survives large values") {
  CHECK(rescale(1, {1, 3}, {1, 2}) == 1);
  CHECK(rescale(-1, {1, 3}, {1, 2}) == -1);
  CHECK(rescale(INT64_C(1) << 40, {1, 90000}, kNanosecondBase) == 12216795864177778);
  CHECK(rescale(kNoTime, {1, 3}, {1, 2}) == kNoTime);
}

TEST_CASE("RFC 3339") {
  using std::chrono::system_clock;
  CHECK(rfc3339(system_clock::time_point(1'700'000'000'123ms)) == "2023-11-14T22:13:20.123Z");
  CHECK(rfc3339(system_clock::time_point(-1ms)) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("where publishers post to") {
  CHECK(whip_url(*parse_url("whip://127.0.0.1:8889"), "demo") == "http://127.0.0.1:8889/demo/whip");
  CHECK(whip_url(*parse_url("whips://[::1]:443/"), "a.b") == "https://[::1]:443/a.b/whip");
  CHECK_FALSE(whip_url(*parse_url("rtmp://127.0.0.1/live"), "demo"));
}

TEST_CASE("URLs") {
  const auto url = parse_url("RTMP://user:pa:ss@[::1]:1935/live/KEY?backup=1#x");
  REQUIRE(url);
  CHECK(url->scheme == "rtmp");
  CHECK(url->user == "user");
  CHECK(url->password == "pa:ss");
  CHECK(url->host == "::1");
  CHECK(url->port == 1935);
  CHECK(url->path == "/live/KEY");
  CHECK(url->query == "backup=1");
  CHECK(url->authority() == "[::1]:1935");
  CHECK(url->redacted() == "rtmp://[::1]:1935/live/...");
  CHECK(parse_url("srt://:9000")->port == 9000);
  CHECK(parse_url("http://h")->path.empty());
  for (const char* bad : {"", "demo", "bus:demo", "://x", "http://h:port/", "http://h:99999/",
                          "http://[::1/", "http://a b/", "http://a\n/"})
    CHECK_FALSE(parse_url(bad));
}
