// A chat against a scripted server and a clock that moves only by waiting.
#include "archive/chat_store.h"

#include <doctest/doctest.h>

#include "archive/hash.h"
#include "base/error.h"
#include "unit/archive/bot_server.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::archive;
using std::chrono::hours;
using std::chrono::seconds;

namespace {

struct ChatBench {
  TempDir dir;
  BotServer server;
  BotOptions options = server.options();

  ChatStore store() { return {options, server.world(), "@test", dir.path + "/chat"}; }
  // Answers a method `times` times with this.
  void fail(const std::string& method, fetch::Answer answer, int times = 1) {
    server.fault = [=](const std::string& asked) mutable -> std::optional<fetch::Answer> {
      if (asked != method || times-- <= 0) return std::nullopt;
      return answer;
    };
  }
};

std::string error_of(const std::function<void()>& call, std::string* words = nullptr) {
  try {
    call();
  } catch (const Error& error) {
    if (words) *words = error.what() + std::string("\n") + error.hint();
    return error.id();
  }
  return "none";
}

fetch::Answer no_answer(const std::string& why) {
  fetch::Answer answer;
  answer.failure = why;
  answer.sent = true;
  return answer;
}

PutOptions video() {
  PutOptions options;
  options.content_type = "video/mp4";
  options.metadata = {{"caption", "demo"}, {"duration", "4"}, {"width", "640"}, {"height", "360"}};
  return options;
}

}  // namespace

TEST_CASE("a video is sent as one, with its shape; what else, as a document") {
  ChatBench bench;
  ChatStore store = bench.store();
  store.put("demo/recording/a \"b\".mp4", source_of("moving"), video());
  store.put("demo/recording/notes.pdf", source_of("text"), {});
  const auto& one = bench.server.messages.at(1);
  CHECK(one.method == "sendVideo");
  CHECK(one.name == "a %22b%22.mp4");
  CHECK(one.data == "moving");
  for (const char* words : {"name=\"chat_id\"\r\n\r\n@test\r\n", "name=\"caption\"\r\n\r\ndemo\r\n",
                            "name=\"supports_streaming\"\r\n\r\ntrue\r\n",
                            "name=\"width\"\r\n\r\n640\r\n", "Content-Type: video/mp4\r\n"})
    CHECK(one.head.find(words) != std::string::npos);
  CHECK(bench.server.messages.at(2).method == "sendDocument");
  const auto messages = store.messages("demo/recording/notes.pdf");
  REQUIRE(messages.size() == 1);
  CHECK(messages[0].id == 2);
  CHECK(messages[0].file_id == "F2");
}

TEST_CASE("the pace of a chat: one a second, 20 a minute") {
  ChatBench bench;
  ChatStore store = bench.store();
  for (int i = 0; i < 45; ++i) store.put("n/" + std::to_string(i), source_of("x"), {});
  std::vector<Nanoseconds> times;
  for (const auto& [id, message] : bench.server.messages) times.push_back(message.at);
  for (size_t i = 1; i < times.size(); ++i) CHECK(times[i] - times[i - 1] >= seconds(1));
  for (size_t i = 20; i < times.size(); ++i) CHECK(times[i] - times[i - 20] >= seconds(60));
  CHECK(times.back() < seconds(130));
}

TEST_CASE("429: the wait that the server asks for is kept, to the second and more") {
  ChatBench bench;
  bench.fail("sendDocument",
             BotServer::refusal(429, "Too Many Requests: retry after 300", {{"retry_after", 300}}),
             3);
  ChatStore store = bench.store();
  store.put("a", source_of("x"), {});
  CHECK(bench.server.sent == 1);
  CHECK(bench.server.now > seconds(3 * 301));
  CHECK(bench.server.now < seconds(3 * 303));
  CHECK(bench.server.troubles.size() == 3);
}

TEST_CASE("a longer wait than the patience ends it") {
  ChatBench bench;
  bench.options.patience = seconds(60);
  bench.fail("sendDocument", BotServer::refusal(429, "slow down", {{"retry_after", 3600}}), 9);
  ChatStore store = bench.store();
  CHECK(error_of([&] { store.put("a", source_of("x"), {}); }) == "archive.network");
  CHECK(bench.server.now < seconds(2));
}

TEST_CASE("failures that pass: each is tried again, with growing waits") {
  for (const auto& answer :
       {BotServer::reply(502, "<html>"), no_answer("reset"), BotServer::reply(200, R"({"ok":tr)"),
        BotServer::reply(200, R"({"ok":false})"), BotServer::refusal(500, "Internal")}) {
    ChatBench bench;
    bench.fail("sendDocument", answer, 8);
    ChatStore store = bench.store();
    store.put("a", source_of("x"), {});
    CHECK(bench.server.sent == 1);
    CHECK(bench.server.troubles.size() == 8);
    CHECK(bench.server.now > seconds(60));
    CHECK(text_of(store, "a") == "x");
  }
}

TEST_CASE("refusals: said once, with what to do") {
  struct Row {
    fetch::Answer answer;
    const char *id, *words;
  };
  for (const Row& row :
       {Row{BotServer::refusal(413, "Request Entity Too Large"), "archive.large", "--part-size"},
        Row{BotServer::reply(413, "<html>"), "archive.large", "--part-size"},
        Row{BotServer::refusal(401, "Unauthorized"), "archive.refused", "token"},
        Row{BotServer::refusal(400, "Bad Request: chat not found"), "archive.refused",
            "chat not found"},
        Row{BotServer::reply(200, R"({"ok":false,"error_code":403,)"
                                  R"("description":"Forbidden: bot was kicked"})"),
            "archive.refused", "kicked"},
        Row{BotServer::reply(200, R"({"ok":true,"result":true})"), "archive.refused", "Bot API"}}) {
    ChatBench bench;
    bench.fail("sendDocument", row.answer, 9);
    ChatStore store = bench.store();
    std::string words;
    CHECK(error_of([&] { store.put("a", source_of("x"), {}); }, &words) == row.id);
    CHECK(words.find(row.words) != std::string::npos);
    CHECK(bench.server.troubles.empty());
    CHECK_FALSE(store.head("a"));
  }
}

TEST_CASE("the token is in no word that is said, whoever says it") {
  const std::string token = kTestToken, key = token.substr(7);
  for (const auto& answer : {no_answer("can't reach /bot" + token + "/sendDocument"),
                             BotServer::refusal(500, "at " + token),
                             BotServer::refusal(400, "bad " + key + " " + token)}) {
    ChatBench bench;
    bench.options.patience = seconds(5);
    bench.fail("sendDocument", answer, 99);
    ChatStore store = bench.store();
    std::string words;
    CHECK(error_of([&] { store.put("a", source_of("x"), {}); }, &words) != "none");
    for (const Trouble& trouble : bench.server.troubles) words += trouble.reason + trouble.url;
    CHECK(words.find("***") != std::string::npos);
    CHECK(words.find(key) == std::string::npos);
  }
  ChatBench bench;
  bench.options.token = [] { return Secret("not a token at all, but secret"); };
  ChatStore store = bench.store();
  std::string words;
  CHECK(error_of([&] { store.put("a", source_of("x"), {}); }, &words) == "archive.credentials");
  CHECK(words.find("but secret") == std::string::npos);
}

TEST_CASE("a group that became a supergroup is followed") {
  ChatBench bench;
  bench.fail("sendDocument",
             BotServer::refusal(400, "upgraded", {{"migrate_to_chat_id", -100200}}));
  ChatStore store = bench.store();
  store.put("a", source_of("x"), {});
  store.put("b", source_of("x"), {});
  CHECK(store.messages("b").at(0).chat == "-100200");
  CHECK(bench.server.messages.at(2).head.find("\r\n\r\n-100200\r\n") != std::string::npos);
}

TEST_CASE("an upload in parts outlives the program: what was sent is known") {
  ChatBench bench;
  PutOptions options;
  options.metadata = {{"caption", "demo"}, {"parts", "3"}};
  std::string id;
  {
    ChatStore store = bench.store();
    id = store.begin_upload("big", options);
    store.put_part("big", id, {1, 0, 0, {}}, source_of("one"));
    store.put_part("big", id, {3, 0, 0, {}}, source_of("three"));
  }
  ChatStore store = bench.store();
  auto parts = *store.parts("big", id);
  REQUIRE(parts.size() == 2);
  CHECK(parts[1].number == 3);
  CHECK(parts[1].etag == sha256_of("three"));
  parts.insert(parts.begin() + 1, store.put_part("big", id, {2, 0, 0, {}}, source_of("two")));
  auto forged = parts;
  forged[0].etag = "other";
  CHECK(error_of([&] { store.finish_upload("big", id, forged, options); }) == "archive.upload");
  store.finish_upload("big", id, parts, options);
  CHECK(text_of(store, "big") == "onetwothree");
  CHECK(bench.server.sent == 3);
  CHECK(bench.server.messages.at(3).name == "big.002");
  CHECK(bench.server.messages.at(3).head.find("demo, part 2 of 3\r\n") != std::string::npos);
  CHECK(store.uploads("").empty());
}

TEST_CASE("a download that breaks goes on where it broke") {
  ChatBench bench;
  ChatStore store = bench.store();
  std::string text(1000, ' ');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 23);
  store.put("a", source_of(text), {});
  std::string out;
  // The sink of the first try takes 300 bytes, then the connection breaks.
  World world = bench.server.world();
  int tries = 0;
  const auto send = world.send;
  world.send = [&](const fetch::Transfer& transfer) {
    if (!transfer.sink || ++tries > 1) return send(transfer);
    CHECK(transfer.sink(std::string_view(text).substr(0, 300)));
    return no_answer("reset");
  };
  ChatStore broken(bench.options, world, "@test", bench.dir.path + "/chat");
  broken.get("a", 0, UINT64_MAX, [&](std::string_view bytes) {
    out += bytes;
    return true;
  });
  CHECK(tries == 2);
  CHECK(out == text);
}

TEST_CASE("what the hosted server doesn't give out, and what a server gives out too little of") {
  ChatBench bench;
  ChatStore store = bench.store();
  store.put("a", source_of("hello"), {});
  bench.fail("getFile", BotServer::refusal(400, "Bad Request: file is too big"), 9);
  std::string words;
  CHECK(error_of([&] { text_of(store, "a"); }, &words) == "archive.large");
  CHECK(words.find("--part-size 19MB") != std::string::npos);
  bench.server.fault = nullptr;
  bench.server.messages.at(1).data.clear();
  CHECK(error_of([&] { text_of(store, "a"); }) == "archive.damaged");
  bench.server.messages.clear();
  CHECK(error_of([&] { text_of(store, "a"); }) == "archive.absent");
  for (const char* path : {"../../x", "/etc/passwd", "a?b"}) {
    bench.fail("getFile",
               BotServer::reply(200, std::string(R"({"ok":true,"result":{"file_id":"F",)") +
                                         R"("file_path":")" + path + "\"}}"));
    CHECK(error_of([&] { text_of(store, "a"); }) == "archive.refused");
  }
}

TEST_CASE("a message of more than 48 hours can't be deleted, and its object stays") {
  ChatBench bench;
  ChatStore store = bench.store();
  store.put("a", source_of("x"), {});
  store.put("b", source_of("x"), {});
  bench.fail("deleteMessage", BotServer::refusal(400, "Bad Request: message can't be deleted"));
  std::string words;
  CHECK(error_of([&] { store.remove({"a", "b"}); }, &words) == "archive.refused");
  CHECK(words.find("48 hours") != std::string::npos);
  CHECK(store.head("a"));
  CHECK_FALSE(store.head("b"));
  // By hand in the chat, then again.
  bench.server.messages.clear();
  store.remove({"a"});
  CHECK_FALSE(store.head("a"));
}

TEST_CASE("a server that keeps other bytes than were sent: the message is taken back") {
  ChatBench bench;
  bench.fail("sendDocument",
             BotServer::reply(200, R"({"ok":true,"result":{"message_id":9,)"
                                   R"("document":{"file_id":"F","file_size":3}}})"));
  bench.server.messages[9] = {};
  ChatStore store = bench.store();
  CHECK(error_of([&] { store.put("a", source_of("hello"), {}); }) == "archive.refused");
  CHECK(bench.server.messages.empty());
}

TEST_CASE("a large file is given time to be handed on") {
  ChatBench bench;
  ChatStore store = bench.store();
  Source source;
  source.size = 25'000'000;
  source.sha256 = std::string(64, 'a');
  source.read = [&](uint64_t offset, std::span<char> out) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(out.size(), source.size - offset));
    std::fill_n(out.begin(), n, 'x');
    return n;
  };
  store.put("a", source, {});
  CHECK(bench.server.limits.at(0).answer == bench.options.limits.answer + seconds(100));
}
