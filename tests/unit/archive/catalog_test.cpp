#include "archive/catalog.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <thread>

#include "archive/deposit.h"
#include "base/error.h"
#include "os/atomic_file.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::archive;

namespace {

CatalogEntry entry(const std::string& id, const std::string& stream) {
  CatalogEntry out;
  out.id = id;
  out.stream = stream;
  out.sequence = 7;
  out.archived = out.started = std::chrono::system_clock::from_time_t(1'800'000'000);
  out.duration = 12.5;
  CatalogFile file;
  file.path = id + ".mp4";
  file.receipt.key = stream + "/recording/" + file.path;
  file.receipt.sha256 = std::string(64, 'a');
  file.receipt.size = 5;
  file.receipt.content_type = "video/mp4";
  out.files.push_back(file);
  return out;
}

}  // namespace

TEST_CASE("an entry survives being written and read") {
  CatalogEntry e = entry("a", "demo");
  e.ended = e.started + std::chrono::milliseconds(12'345);
  e.rights.allow = {"ann"};
  e.rights.is_public = false;
  const Json json = to_json(e);
  CHECK(to_json(entry_from_json(json)) == json);
  CHECK(json["ended_at"] == "2027-01-15T08:00:12.345Z");
  for (const auto& [name, value] : json.items()) {
    Json without = json;
    without.erase(name);
    if (name != "size_bytes") CHECK_THROWS_AS(entry_from_json(without), Error);
    Json wrong = json;
    wrong[name] = Json::object({{"x", 1}});
    if (name != "size_bytes" && name != "manifest") CHECK_THROWS_AS(entry_from_json(wrong), Error);
  }
  Json outside = json;
  outside["files"][0]["key"] = "../etc/passwd";
  CHECK_THROWS_AS(entry_from_json(outside), Error);
}

TEST_CASE("the index follows the store and can be thrown away") {
  const TempDir scratch;
  OpenStore store = open_store(parse_location("dir:" + scratch.path + "/store"), {});
  Catalog catalog(store, scratch.path + "/state");
  const auto ids = [&](Catalog& of) {
    std::string out;
    for (const CatalogRow& row : of.rows(std::chrono::hours(1)))
      out += std::string(row.stream) + "/" + std::string(row.id) + " ";
    return out;
  };
  CHECK(ids(catalog).empty());
  catalog.save(entry("b", "demo"));
  catalog.save(entry("a", "demo"));
  CHECK(ids(catalog) == "demo/a demo/b ");
  CatalogEntry changed = entry("a", "demo");
  changed.rights.hidden = true;
  catalog.save(changed);
  CHECK(catalog.rows(std::chrono::hours(1))[0].flags == "h");
  catalog.remove(entry("b", "demo"));
  CHECK(ids(catalog) == "demo/a ");
  std::filesystem::remove_all(scratch.path + "/state/index");
  Catalog fresh(store, scratch.path + "/state");
  CHECK(ids(fresh) == "demo/a ");
  // Another program's change is seen when the index is refreshed; damage hides nothing else.
  os::write_file(scratch.path + "/store/_catalog/demo/bad.json", "{", os::Sync::kNo);
  Catalog elsewhere(store, scratch.path + "/elsewhere");
  elsewhere.save(entry("c", "talks"));
  CHECK(fresh.refresh() >= 1);
  CHECK(ids(fresh) == "demo/a talks/c ");
  CHECK(fresh.next_sequence(std::chrono::hours(1)) == 8);
  CHECK(fresh.find("talks/c", std::chrono::hours(1)).id == "c");
  catalog.save(entry("c", "demo"));
  CHECK_THROWS_WITH_AS(fresh.find("c", std::chrono::seconds(0)),
                       "more than one stream has a recording c", Error);
}

TEST_CASE("credentials are read from what people keep them in") {
  CHECK(parse_credentials(Secret("ID:KEY"), "default")->access_key == "ID");
  CHECK(parse_credentials(Secret("ID:KEY:TOKEN"), "default")->session_token.reveal() == "TOKEN");
  const char* file =
      "# mine\n[default]\naws_access_key_id = A\naws_secret_access_key=B/=\n"
      "[other]\naws_access_key_id=C\naws_secret_access_key=D\n";
  CHECK(parse_credentials(Secret(file), "default")->secret_key.reveal() == "B/=");
  CHECK(parse_credentials(Secret(file), "other")->access_key == "C");
  CHECK_FALSE(parse_credentials(Secret(file), "third"));
  CHECK_FALSE(parse_credentials(Secret("ID:"), "default"));
  CHECK_FALSE(parse_credentials(Secret(""), "default"));
}

TEST_CASE("addresses of stores") {
  CHECK(parse_location("s3://bucket/a/b/").prefix == "a/b/");
  CHECK(parse_location("s3://bucket").prefix.empty());
  CHECK(parse_location("dir:/srv/x/../y").path == "/srv/y");
  for (const char* bad : {"s3://", "s3://b", "ftp://x", "dir:", "s3://bucket/a/../b", "/srv"})
    CHECK_THROWS_AS(parse_location(bad), Error);
}

TEST_CASE("an upload resumes what the store has, with and without its journal") {
  const TempDir scratch;
  OpenStore store = open_store(parse_location("dir:" + scratch.path + "/store"), {});
  const std::string path = scratch.path + "/f.mp4";
  os::write_file(path, std::string(5 << 20, 'x') + "end", os::Sync::kNo);
  UploadJob job{path, "demo/recording/f.mp4", {}, scratch.path + "/job.upload"};
  Uploader uploader(*store.store, {1 << 20, 3});
  const Receipt receipt = uploader.upload(job);
  CHECK(receipt.size == (5u << 20) + 3);
  CHECK(receipt.part_sha256.size() == 6);
  CHECK(receipt.sent_bytes == receipt.size);
  CHECK_FALSE(std::filesystem::exists(job.journal));
  CHECK(store.store->uploads("").empty());
  SUBCASE("again: it is there") {
    const Receipt again = uploader.upload(job);
    CHECK(again.was_there);
    CHECK(again.sent_bytes == 0);
  }
  SUBCASE("another file of that name is refused, and nothing is left behind") {
    os::write_file(path, std::string(5 << 20, 'y') + "end", os::Sync::kNo);
    CHECK_THROWS_AS(uploader.upload(job), Error);
    CHECK(store.store->uploads("").empty());
  }
  SUBCASE("a file that grows") {
    UploadJob growing{path, "demo/recording/g.mp4", {}, scratch.path + "/g.upload"};
    uint64_t size = 0;
    const Receipt grown = uploader.upload(growing, nullptr, [&](uint64_t) {
      size = std::min<uint64_t>(size + 700'000, (5 << 20) + 3);
      return std::pair(size, size == (5 << 20) + 3);
    });
    CHECK(grown.sha256 == receipt.sha256);
  }
}
