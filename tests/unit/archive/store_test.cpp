// What every store must do. The directory is tested here; S3 stores too when TEST_S3_ENDPOINT names
// one (tests/cli/archive_stores.bats and tests/interop do that with each server they have).
#include "archive/store.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "archive/chat_store.h"
#include "archive/dir_store.h"
#include "archive/s3_store.h"
#include "base/error.h"
#include "unit/archive/bot_server.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::archive;

namespace {

template <typename Call>
std::string id_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.id();
  }
  return "none";
}

std::vector<std::string> keys_of(Store& store, const std::string& prefix) {
  std::vector<std::string> keys;
  for_each_object(store, prefix, [&](const Object& object) { keys.push_back(object.key); });
  return keys;
}

std::string pattern(size_t size, char first) {
  std::string out(size, ' ');
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(first + i % 61);
  return out;
}

// What a store may lack, and what stream-archive then does without.
struct Lacks {
  bool condition = false;  // it does not itself refuse the second of two creators that race
  bool abort = false;      // it keeps uploads for ever
  bool uploads = false;    // it lists unfinished uploads of a whole key only
};

void conformance(Store& store, const std::string& base, Lacks lacks) {
  const auto key = [&](const char* name) { return base + name; };
  PutOptions options;
  options.content_type = "video/mp4";
  options.cache_control = "max-age=60";
  options.metadata = {{"writer", "w1"}};

  CHECK_FALSE(store.head(key("a.mp4")));
  CHECK(id_of([&] { text_of(store, key("a.mp4")); }) == "archive.absent");
  store.put(key("a.mp4"), source_of("hello world"), options);
  const auto head = store.head(key("a.mp4"));
  REQUIRE(head);
  CHECK(head->size == 11);
  CHECK(head->content_type == "video/mp4");
  CHECK(head->metadata.at("writer") == "w1");
  CHECK(text_of(store, key("a.mp4")) == "hello world");
  CHECK(text_of(store, key("a.mp4"), 6) == "world");
  CHECK(text_of(store, key("a.mp4"), 2, 3) == "llo");
  CHECK(text_of(store, key("a.mp4"), 6, 100) == "world");

  store.put(key("a.mp4"), source_of("replaced"), options);
  CHECK(text_of(store, key("a.mp4")) == "replaced");
  PutOptions create = options;
  create.create_only = true;
  CHECK(id_of([&] { store.put(key("a.mp4"), source_of("x"), create); }) == "archive.exists");
  CHECK(text_of(store, key("a.mp4")) == "replaced");
  store.put(key("empty"), source_of(""), create);
  CHECK(store.head(key("empty"))->size == 0);
  CHECK(text_of(store, key("empty")).empty());

  // Names that are hard to sign and to write down.
  const std::string hard = base + "d e/\xc3\xa4+(1)'!*&=,@$;~.mp4";
  store.put(hard, source_of("hard"), options);
  CHECK(text_of(store, hard) == "hard");
  for (const char* bad : {"", "/a", "a/", "a//b", "a/../b", ".", "a\nb"})
    CHECK(id_of([&] { store.put(bad, source_of("x"), options); }) == "archive.key");

  // Multipart, parts in any order.
  const size_t part = std::max<size_t>(store.min_part(), 100'000);
  const std::string first = pattern(part, '0'), second = pattern(part, 'A'), third = "the end";
  const std::string id = store.begin_upload(key("big"), create);
  std::vector<Part> parts(3);
  parts[2] = store.put_part(key("big"), id, {3, 2 * part, 0, {}}, source_of(third));
  parts[0] = store.put_part(key("big"), id, {1, 0, 0, {}}, source_of(first));
  CHECK_FALSE(store.head(key("big")));
  if (const auto there = store.parts(key("big"), id)) {
    CHECK(there->size() == 2);
    bool listed = false;
    for (const Upload& upload : store.uploads(base)) listed = listed || upload.id == id;
    CHECK((listed || lacks.uploads));
  }
  parts[1] = store.put_part(key("big"), id, {2, part, 0, {}}, source_of(second));
  store.finish_upload(key("big"), id, parts, create);
  CHECK(store.head(key("big"))->size == 2 * part + third.size());
  CHECK(store.head(key("big"))->content_type == "video/mp4");
  CHECK(text_of(store, key("big")) == first + second + third);
  CHECK(text_of(store, key("big"), 2 * part - 1) == second.back() + third);
  CHECK(id_of([&] { store.begin_upload(key("big"), create); }) == "archive.exists");
  const std::string other = store.begin_upload(key("aborted"), options);
  store.abort_upload(key("aborted"), other);
  const std::string after_abort = id_of([&] {
    store.put_part(key("aborted"), other, {1, 0, 0, {}}, source_of("x"));
  });
  CHECK((lacks.abort || after_abort == "archive.upload"));
  CHECK_FALSE(store.head(key("aborted")));

  // Of many that create one key at once, one succeeds.
  std::atomic<int> made{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      PutOptions mine = create;
      mine.metadata["writer"] = std::to_string(i);
      if (id_of([&] { store.put(key("race"), source_of(std::to_string(i)), mine); }) == "none")
        ++made;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK((made == 1 || (lacks.condition && made > 1)));

  // Listing.
  std::vector<std::string> all;
  for (int i = 0; i < 30; ++i) {
    all.push_back(base + "list/" + (i < 10 ? "0" : "") + std::to_string(i));
    store.put(all.back(), source_of("."), {});
  }
  CHECK(keys_of(store, key("list/")) == all);
  CHECK(keys_of(store, key("list/2")).size() == 10);
  CHECK(keys_of(store, key("nothing/")).empty());
  const Page folders = store.list(base, "", true);
  CHECK(std::count(folders.prefixes.begin(), folders.prefixes.end(), key("list/")) == 1);

  store.remove({all[0], key("never was")});
  CHECK_FALSE(store.head(all[0]));
  store.remove(all);
  store.remove({});
  CHECK(keys_of(store, key("list/")).empty());
}

const char* variable(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value ? value : otherwise;
}

}  // namespace

TEST_CASE("conformance: a directory") {
  const TempDir scratch;
  DirStore store(scratch.path + "/made/when/needed");
  conformance(store, "base/", {});
  CHECK(id_of([&] { store.presign("GET", "base/a.mp4", std::chrono::hours(1)); }) ==
        "archive.unsupported");
  CHECK(id_of([&] { store.put(".stream/about/x", source_of("x"), {}); }) == "archive.key");
  CHECK(id_of([&] {
          store.put_part("k", "../../etc", {1, 0, 0, {}}, source_of("x"));
        }) == "archive.upload");
}

TEST_CASE("conformance: a chat") {
  const TempDir scratch;
  BotServer server;
  ChatStore store(server.options(), server.world(), "@test", scratch.path + "/chat");
  conformance(store, "base/", {});
  CHECK(id_of([&] { store.presign("GET", "base/a.mp4", std::chrono::hours(1)); }) ==
        "archive.unsupported");
  CHECK(id_of([&] { store.put("_uploads/x", source_of("x"), {}); }) == "archive.key");
  CHECK(id_of([&] {
          store.put_part("k", "../../etc", {1, 0, 0, {}}, source_of("x"));
        }) == "archive.upload");
  // What was replaced, or came second, is not left in the chat.
  store.remove(keys_of(store, ""));
  CHECK(server.messages.empty());
}

TEST_CASE("conformance: the S3 store of the environment") {
  const char* endpoint = std::getenv("TEST_S3_ENDPOINT");
  if (!endpoint) return;
  fetch::Transfers transfers;
  S3Options options;
  options.endpoint = endpoint;
  options.bucket = variable("TEST_S3_BUCKET", "test");
  options.patience = std::chrono::seconds(20);
  options.credentials = [] {
    return Credentials{variable("AWS_ACCESS_KEY_ID", "S3RVER"),
                       Secret(variable("AWS_SECRET_ACCESS_KEY", "S3RVER")),
                       {}};
  };
  S3Store store(options, transfers);
  const std::string lacks = variable("TEST_S3_LACKS", "");
  const auto lacking = [&](const char* what) { return lacks.find(what) != std::string::npos; };
  conformance(store, "base/", {lacking("condition"), lacking("abort"), lacking("uploads")});
  // What a presigned address gives, without any header of ours.
  fetch::Transfer plain;
  plain.url = store.presign("GET", "base/a.mp4", std::chrono::minutes(5));
  CHECK(transfers.perform(plain).body == "replaced");
  plain.url.back() = plain.url.back() == '0' ? '1' : '0';
  CHECK((lacking("presign") || transfers.perform(plain).status == 403));
}
