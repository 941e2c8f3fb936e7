// The S3 store against scripted answers and a clock that moves only by waiting.
#include "archive/s3_store.h"

#include <doctest/doctest.h>

#include <deque>

#include "archive/s3_xml.h"
#include "base/error.h"

using namespace stream;
using namespace stream::archive;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

fetch::Answer answer(int status, std::string body = {}, fetch::Headers headers = {}) {
  fetch::Answer out;
  out.status = status;
  out.body = std::move(body);
  out.headers = std::move(headers);
  return out;
}

fetch::Answer refusal(int status, const std::string& code, fetch::Headers headers = {}) {
  return answer(status, "<Error><Code>" + code + "</Code></Error>", std::move(headers));
}

fetch::Answer lost(bool sent) {
  fetch::Answer out;
  out.failure = "connection reset";
  out.sent = sent;
  return out;
}

struct S3Bench {
  std::function<fetch::Answer(const fetch::Transfer&)> serve;
  std::vector<fetch::Transfer> seen;
  Nanoseconds now{};
  Nanoseconds clock_error{};
  int loads = 0;
  std::vector<Trouble> troubles;
  S3Options options;

  S3Store store() {
    options.bucket = "b";
    if (options.endpoint.empty()) options.endpoint = "http://127.0.0.1:9";
    options.credentials = [this] {
      return Credentials{"ID", Secret("secret" + std::to_string(++loads)), Secret("token")};
    };
    options.trouble = [this](const Trouble& t) { troubles.push_back(t); };
    World world;
    world.send = [this](const fetch::Transfer& t) {
      seen.push_back(t);
      now += std::chrono::milliseconds(50);
      return serve(t);
    };
    world.monotonic = [this] { return now; };
    world.wall = [this] {
      return std::chrono::system_clock::from_time_t(1'800'000'000) +
             std::chrono::duration_cast<WallTime::duration>(now + clock_error);
    };
    world.wait = [this](Nanoseconds time) {
      now += time;
      return true;
    };
    world.random = [] { return 0.5; };
    return S3Store(options, world);
  }
};

std::string header(const fetch::Transfer& transfer, const std::string& name) {
  for (const auto& [key, value] : transfer.headers)
    if (key == name) return value;
  return {};
}

const std::string kDone =
    "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>";

}  // namespace

TEST_CASE("S3: an outage is ridden out") {
  S3Bench bench;
  Nanoseconds outage = minutes(20);
  SUBCASE("60 s of 503") {
    outage = seconds(60);
  }
  SUBCASE("20 min of 503") {}
  SUBCASE("23 h without an answer") {
    outage = std::chrono::hours(23);
  }
  bench.serve = [&](const fetch::Transfer&) {
    if (bench.now >= outage) return answer(200, "", {{"etag", "\"e\""}});
    return outage > std::chrono::hours(1) ? lost(false) : refusal(503, "SlowDown");
  };
  CHECK(bench.store().put("k", source_of("x"), {}) == "\"e\"");
  CHECK(bench.now < outage + seconds(25));
  CHECK(bench.seen.size() > 6);
  // Each try is signed at its own time.
  CHECK(header(bench.seen.front(), "x-amz-date") != header(bench.seen.back(), "x-amz-date"));
  CHECK(header(bench.seen.front(), "Authorization") != header(bench.seen.back(), "Authorization"));
  for (const Trouble& trouble : bench.troubles) CHECK(trouble.wait <= seconds(20));
}

TEST_CASE("S3: patience ends, and says so") {
  S3Bench bench;
  bench.options.patience = minutes(2);
  bench.serve = [](const fetch::Transfer&) { return refusal(500, "InternalError"); };
  try {
    bench.store().put("k", source_of("x"), {});
    FAIL("not thrown");
  } catch (const Error& error) {
    CHECK(error.id() == "archive.network");
    CHECK(error.code() == Exit::kNetwork);
  }
  CHECK(bench.now <= minutes(2) + seconds(1));
}

TEST_CASE("S3: Retry-After is obeyed") {
  S3Bench bench;
  bench.serve = [&](const fetch::Transfer&) {
    return bench.seen.size() == 1 ? answer(429, "", {{"retry-after", "40"}}) : answer(200);
  };
  bench.store().put("k", source_of("x"), {});
  CHECK(bench.now >= seconds(40));
}

TEST_CASE("S3: a clock that is wrong is found out by the answer") {
  S3Bench bench;
  bench.clock_error = -minutes(20);
  SUBCASE("slow") {}
  SUBCASE("two days fast") {
    bench.clock_error = std::chrono::hours(48);
  }
  bench.serve = [&](const fetch::Transfer& t) {
    const std::string date = header(t, "x-amz-date");
    const std::string right = timestamp(std::chrono::system_clock::from_time_t(1'800'000'000));
    if (date.substr(0, 13) == right.substr(0, 13)) return answer(200);
    return refusal(403, "RequestTimeTooSkewed", {{"date", "Fri, 15 Jan 2027 08:00:00 GMT"}});
  };
  S3Store store = bench.store();
  store.put("k", source_of("x"), {});
  CHECK(bench.seen.size() == 2);
  store.put("l", source_of("x"), {});
  CHECK(bench.seen.size() == 3);
}

TEST_CASE("S3: another region is learned") {
  S3Bench bench;
  bench.serve = [&](const fetch::Transfer& t) {
    if (header(t, "Authorization").find("/eu-west-3/") != std::string::npos) return answer(200);
    return answer(301, "", {{"x-amz-bucket-region", "eu-west-3"}});
  };
  bench.store().put("k", source_of("x"), {});
  CHECK(bench.seen.size() == 2);
}

TEST_CASE("S3: credentials that expire are read again") {
  S3Bench bench;
  bench.serve = [&](const fetch::Transfer&) {
    return bench.loads < 2 ? refusal(400, "ExpiredToken") : answer(200, "", {{"etag", "\"5\""}});
  };
  const Part part = bench.store().put_part("k", "u", {5, 0, 0, {}}, source_of("x"));
  CHECK(part.etag == "\"5\"");
  CHECK(bench.loads == 2);
  CHECK(header(bench.seen[1], "x-amz-security-token") == "token");
}

TEST_CASE("S3: a wrong key is refused at once") {
  S3Bench bench;
  bench.serve = [](const fetch::Transfer&) { return refusal(403, "SignatureDoesNotMatch"); };
  try {
    bench.store().put("k", source_of("x"), {});
    FAIL("not thrown");
  } catch (const Error& error) {
    CHECK(error.id() == "archive.refused");
    CHECK(std::string(error.what()).find("secret") == std::string::npos);
  }
  CHECK(bench.seen.size() == 1);
}

TEST_CASE("S3: a checksum that the store finds wrong is sent again") {
  S3Bench bench;
  bench.serve = [&](const fetch::Transfer&) {
    return bench.seen.size() == 1 ? refusal(400, "BadDigest") : answer(200);
  };
  bench.store().put("k", source_of("x"), {});
  CHECK(bench.seen.size() == 2);
}

TEST_CASE("S3: completing") {
  S3Bench bench;
  PutOptions options;
  options.metadata = {{"writer", "me"}};
  SUBCASE("200 with an error in its body is no success") {
    bench.serve = [&](const fetch::Transfer&) {
      return bench.seen.size() == 1 ? answer(200, "  \n<Error><Code>InternalError</Code></Error>")
                                    : answer(200, kDone);
    };
    CHECK(bench.store().finish_upload("k", "u", {{1, 0, 1, "\"p\""}}, options) == "\"e\"");
    CHECK(bench.seen.size() == 2);
  }
  SUBCASE("200 with an error that lasts is told") {
    bench.serve = [&](const fetch::Transfer&) {
      return answer(200, "<Error><Code>InvalidPart</Code></Error>");
    };
    bench.options.patience = minutes(1);
    CHECK_THROWS_AS(bench.store().finish_upload("k", "u", {{1, 0, 1, "\"p\""}}, options), Error);
  }
  SUBCASE("a lost answer to a try that was carried out") {
    bench.serve = [&](const fetch::Transfer& t) {
      if (t.method == "HEAD")
        return answer(200, "", {{"etag", "\"e\""}, {"x-amz-meta-writer", "me"}});
      return bench.seen.size() == 1 ? lost(true) : refusal(404, "NoSuchUpload");
    };
    CHECK(bench.store().finish_upload("k", "u", {{1, 0, 1, "\"p\""}}, options) == "\"e\"");
  }
  SUBCASE("another writer's object is not ours") {
    bench.serve = [&](const fetch::Transfer& t) {
      if (t.method == "HEAD") return answer(200, "", {{"x-amz-meta-writer", "other"}});
      return refusal(404, "NoSuchUpload");
    };
    try {
      bench.store().finish_upload("k", "u", {{1, 0, 1, "\"p\""}}, options);
      FAIL("not thrown");
    } catch (const Error& error) {
      CHECK(error.id() == "archive.upload");
    }
  }
}

TEST_CASE("S3: a conditional create whose first answer was lost is our own") {
  S3Bench bench;
  PutOptions options;
  options.create_only = true;
  options.metadata = {{"writer", "me"}};
  std::string there = "me";
  SUBCASE("ours") {}
  SUBCASE("another's") {
    there = "other";
  }
  int puts = 0;
  bench.serve = [&](const fetch::Transfer& t) {
    if (t.method == "HEAD") {
      return puts == 0 ? answer(404)
                       : answer(200, "", {{"etag", "\"e\""}, {"x-amz-meta-writer", there}});
    }
    CHECK(header(t, "if-none-match") == "*");
    return ++puts == 1 ? lost(true) : refusal(412, "PreconditionFailed");
  };
  std::string result;
  try {
    result = bench.store().put("k", source_of("x"), options);
  } catch (const Error& error) {
    result = error.id();
  }
  CHECK(result == (there == "me" ? "\"e\"" : "archive.exists"));
}

TEST_CASE("S3: a store that refuses to know conditions is asked beforehand only") {
  S3Bench bench;
  PutOptions options;
  options.create_only = true;
  bool there = false;
  int conditions = 0;
  bench.serve = [&](const fetch::Transfer& t) {
    if (t.method == "HEAD") return answer(there ? 200 : 404, "", {{"etag", "\"e\""}});
    if (!header(t, "if-none-match").empty()) {
      ++conditions;
      return refusal(501, "NotImplemented");
    }
    there = true;
    return answer(200, "", {{"etag", "\"e\""}});
  };
  S3Store store = bench.store();
  CHECK(store.put("k", source_of("x"), options) == "\"e\"");
  CHECK_THROWS_AS(store.put("k", source_of("y"), options), Error);
  there = false;
  CHECK(store.put("k2", source_of("x"), options) == "\"e\"");
  CHECK(conditions == 1);
}

TEST_CASE("S3: a download goes on where it broke, of the same object") {
  S3Bench bench;
  const std::string whole = "0123456789";
  bench.serve = [&](const fetch::Transfer& t) {
    const std::string range = header(t, "range");
    const size_t from = range.empty() ? 0 : std::stoul(range.substr(6));
    const size_t most = bench.seen.size() < 3 ? 4 : 100;
    if (bench.seen.size() > 1) CHECK(header(t, "if-match") == "\"e\"");
    t.sink(std::string_view(whole).substr(from, most));
    fetch::Answer out = answer(range.empty() ? 200 : 206, "", {{"etag", "\"e\""}});
    if (most == 4) out.status = 0, out.failure = "reset";
    return out;
  };
  std::string got;
  bench.store().get("k", 0, UINT64_MAX, [&](std::string_view bytes) {
    got += bytes;
    return true;
  });
  CHECK(got == whole);
}

TEST_CASE("S3: addresses") {
  S3Bench bench;
  bench.serve = [](const fetch::Transfer&) { return answer(200); };
  SUBCASE("path style at an endpoint of one's own") {
    bench.store().put("a b", source_of("x"), {});
    CHECK(bench.seen[0].url == "http://127.0.0.1:9/b/a%20b");
  }
  SUBCASE("virtual hosted there when asked") {
    bench.options.addressing = Addressing::kVirtual;
    bench.options.endpoint = "https://s3.example.net";
    bench.store().put("k", source_of("x"), {});
    CHECK(bench.seen[0].url == "https://b.s3.example.net/k");
  }
  SUBCASE("Google's names at Google's address") {
    bench.options.endpoint = "https://storage.googleapis.com";
    PutOptions options;
    options.create_only = true;
    bench.serve = [](const fetch::Transfer& t) { return answer(t.method == "HEAD" ? 404 : 200); };
    bench.store().put("k", source_of("x"), options);
    CHECK(header(bench.seen[1], "x-goog-if-generation-match") == "0");
    CHECK(header(bench.seen[1], "Authorization").starts_with("GOOG4-HMAC-SHA256"));
    for (const auto& [name, value] : bench.seen[1].headers) CHECK_FALSE(name.starts_with("x-amz-"));
  }
}
