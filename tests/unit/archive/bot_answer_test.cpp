#include "archive/bot_answer.h"

#include <doctest/doctest.h>

#include <string>

using namespace stream::archive;

namespace {

constexpr char kVideo[] =
    R"({"ok":true,"result":{"message_id":7,"from":{"id":1,"is_bot":true},"chat":{"id":-100,"type":"channel"},)"
    R"("date":1,"video":{"duration":2,"thumbnail":{"file_id":"T","file_size":9},"file_id":"BAAC-1",)"
    R"("file_unique_id":"u","file_size":1234},"caption":"x"}})";

}  // namespace

TEST_CASE("a message: its number and its file, whatever the server took the file for") {
  const auto answer = parse_bot_answer(kVideo);
  REQUIRE(answer);
  CHECK(answer->ok);
  CHECK(answer->message_id == 7);
  REQUIRE(answer->file);
  CHECK(answer->file->id == "BAAC-1");
  CHECK(answer->file->size == 1234);
  for (const char* kind : {"document", "animation", "audio"}) {
    const auto other = parse_bot_answer(std::string(R"({"ok":true,"result":{"message_id":1,")") +
                                        kind + R"(":{"file_id":"F"}}})");
    REQUIRE((other && other->file));
    CHECK(other->file->id == "F");
    CHECK(other->file->size == 0);
  }
}

TEST_CASE("getFile, and results that are no object") {
  const auto file = parse_bot_answer(
      R"({"ok":true,"result":{"file_id":"F","file_size":5,"file_path":"documents/file_1.mp4"}})");
  REQUIRE((file && file->file));
  CHECK(file->file->path == "documents/file_1.mp4");
  CHECK(file->message_id == 0);
  const auto done = parse_bot_answer(R"({"ok":true,"result":true})");
  REQUIRE(done);
  CHECK(done->ok);
  CHECK_FALSE(done->file);
}

TEST_CASE("refusals: what to wait for, where the chat went, why") {
  const auto wait = parse_bot_answer(
      R"({"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":17}})");
  REQUIRE(wait);
  CHECK_FALSE(wait->ok);
  CHECK(wait->code == 429);
  CHECK(wait->retry_after == 17);
  CHECK_FALSE(wait->move_to);
  const auto moved = parse_bot_answer(
      R"({"ok":false,"error_code":400,"description":"upgraded","parameters":{"migrate_to_chat_id":-1001234567890}})");
  REQUIRE((moved && moved->move_to));
  CHECK(*moved->move_to == -1001234567890);
  const auto odd = parse_bot_answer(
      R"({"ok":false,"error_code":"4","description":5,"parameters":{"retry_after":-3}})");
  REQUIRE(odd);
  CHECK(odd->code == 0);
  CHECK(odd->description.empty());
  CHECK(odd->retry_after == 0);
  CHECK(parse_bot_answer(R"({"ok":false,"parameters":{"retry_after":1e15}})")->retry_after <=
        7 * 24 * 3600);
  CHECK(parse_bot_answer(R"({"ok":false,"error_code":1e9})")->code == 999);
  CHECK(parse_bot_answer(R"({"ok":false,"parameters":[]})"));
}

TEST_CASE("every truncation is no answer") {
  const std::string text = kVideo;
  for (size_t n = 0; n < text.size(); ++n) CHECK_FALSE(parse_bot_answer(text.substr(0, n)));
}

TEST_CASE("what is no answer") {
  for (const char* text : {"", "null", "[]", "{}", R"({"ok":1})", R"({"ok":true})", "<html>",
                           R"({"ok":true,"ok":false})", R"({"ok":true,"result":{"a":1}} x)"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_bot_answer(text));
  }
  CHECK_FALSE(parse_bot_answer(R"({"ok":true,"result":)" + std::string(5000, '[')));
  // File ids go into requests and records.
  CHECK_FALSE(
      parse_bot_answer(R"({"ok":true,"result":{"message_id":1,"document":{"file_id":"a\nb"}}})")
          ->file);
  CHECK_FALSE(parse_bot_answer(R"({"ok":true,"result":{"document":{"file_id":")" +
                               std::string(600, 'a') + R"("}}})")
                  ->file);
}

TEST_CASE("tokens and paths") {
  CHECK(is_bot_token("123456:AAH-d_0123456789abc"));
  for (const char* bad :
       {"", ":", "1:short", "x:AAHd0123456789", "123456", "123456:AAHd/0123456789",
        "123456:AAHd0123456789\n", "123456:AAHd 0123456789"})
    CHECK_FALSE(is_bot_token(bad));
  CHECK(is_bot_file_path("videos/file_12.mp4"));
  for (const char* bad :
       {"", "/etc/passwd", "../x", "a/../b", "a?b", "a#b", "a b", "a\r\nb", "a%2fb"})
    CHECK_FALSE(is_bot_file_path(bad));
}
