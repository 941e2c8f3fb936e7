#include "keys/publish_question.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace stream;
using namespace stream::keys;
using Kind = PublishAnswer::Kind;

TEST_CASE("write_question") {
  PublishQuestion q;
  q.protocol = "srt";
  q.address = "192.0.2.1:5000";
  q.host = "192.0.2.1";
  q.encoder = "bad \xff \" text";
  q.key = "the key";
  const Secret text = write_question(q);
  const auto json = nlohmann::json::parse(text.reveal());
  CHECK(json["schema"] == "stream.publish_question/1");
  CHECK(json["key"] == "the key");
  CHECK(json["stream"].is_null());
  CHECK(json["encoder"] == "bad \xEF\xBF\xBD \" text");
}

TEST_CASE("read_answer") {
  const std::string named = R"( {"stream": "demo", "more": [1, {"a": null}]} )";
  CHECK(read_answer(200, named).stream == "demo");
  CHECK(read_answer(200, named).kind == Kind::kYes);
  for (const char* body : {"", "OK", "[]", "\n", "{}", R"({"stream":null})"}) {
    CHECK(read_answer(204, body).kind == Kind::kYes);
    CHECK(read_answer(204, body).stream.empty());
  }
  for (const int status : {401, 403}) CHECK(read_answer(status, named).kind == Kind::kNo);
  for (const int status : {0, 100, 199, 300, 302, 400, 404, 429, 500, 503})
    CHECK(read_answer(status, named).kind == Kind::kUnclear);
  for (const char* body : {R"({"stream":"../x"})", R"({"stream":7})", R"({"stream":""})",
                           R"({"stream":"a","stream":"b"})", R"({"stream":"a"} x)"})
    CHECK(read_answer(200, body).kind == Kind::kUnclear);
  SUBCASE("cut short anywhere it is no yes") {
    const size_t start = named.find('{'), end = named.rfind('}');
    for (size_t size = start + 1; size <= end; ++size)
      CHECK(read_answer(200, named.substr(0, size)).kind == Kind::kUnclear);
  }
}
