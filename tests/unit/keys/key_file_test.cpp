#include "keys/key_file.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "crypto/encoding.h"
#include "keys/address.h"
#include "keys/key_book.h"
#include "os/atomic_file.h"
#include "os/fd.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::keys;

namespace {

constexpr int64_t kNow = 1'790'000'000'000;  // 2026
int64_t now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

struct Directory : TempDir {
  std::string file() const { return path + "/keys"; }
};

Issued issue(const std::string& file, Wanted wanted, bool rotate = false) {
  Issued issued;
  change_keys(file, [&](KeyBook& book) { issued = book.issue(wanted, rotate, now()); });
  return issued;
}

Refusal ask(KeyFile& store, const Secret& key, std::string_view protocol = "rtmp",
            std::string_view address = "127.0.0.1") {
  return store.check({key.reveal(), protocol, address}).refusal;
}

}  // namespace

TEST_CASE("a key line") {
  Credential c;
  c.hash = std::string(64, 'a');
  c.key = {"k_1", "demo", "a \"label\"", kNow, kNow + 1, 2, {"rtmp"}, {"10.0.0.0/8"}, kNow, true};
  const std::string line = write_line(c);
  SUBCASE("is read back whole") {
    const auto back = parse_line(line);
    REQUIRE(back);
    CHECK(write_line(*back) == line);
    CHECK(hash_of_line(line) == c.hash);
    CHECK(back->key.expires == kNow + 1);
    CHECK(back->key.from == c.key.from);
  }
  SUBCASE("is nothing when cut anywhere") {
    for (size_t size = 0; size < line.size(); ++size)
      CHECK_FALSE(parse_line(std::string_view(line).substr(0, size)));
  }
  SUBCASE("must name a stream by the grammar, and nothing twice") {
    c.key.stream = "../x";
    CHECK_FALSE(parse_line(write_line(c)));
    std::string twice = line;
    twice.insert(twice.size() - 1, ",\"stream\":\"other\"");
    CHECK_FALSE(parse_line(twice));
  }
}

TEST_CASE("parse_time") {
  CHECK(parse_time("1970-01-01T00:00:01Z") == 1000);
  CHECK(parse_time(time_text(kNow)) == kNow);
  CHECK(time_text(INT64_MAX) == "2200-12-31T23:59:59.999Z");
  CHECK(parse_time(time_text(INT64_MAX)) == 7'289'654'399'999);
  CHECK_FALSE(parse_time("6607-01-01T00:00:00Z"));
  CHECK_FALSE(parse_time("1969-12-31T23:59:59Z"));
  for (const char* text :
       {"", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+00:00", "2026-1-01T00:00:00ZZ"})
    CHECK_FALSE(parse_time(text));
}

TEST_CASE("address blocks") {
  const auto inside = [](const char* block, const char* address) {
    return parse_block(block)->contains(*parse_address(address));
  };
  CHECK(inside("10.0.0.0/8", "10.255.0.1"));
  CHECK(inside("10.0.0.0/8", "::ffff:10.1.2.3"));
  CHECK_FALSE(inside("10.0.0.0/8", "11.0.0.0"));
  CHECK(inside("192.0.2.128/25", "192.0.2.129"));
  CHECK_FALSE(inside("192.0.2.128/25", "192.0.2.127"));
  CHECK(inside("2001:db8::/33", "2001:db8:7fff::1"));
  CHECK_FALSE(inside("2001:db8::/33", "2001:db8:8000::1"));
  CHECK(inside("0.0.0.0/0", "8.8.8.8"));
  CHECK(inside("127.0.0.1", "127.0.0.1"));
  for (const char* text : {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "x", "10.0.0.0/-1", "::/129"})
    CHECK_FALSE(parse_block(text));
}

TEST_CASE("KeyFile: what stream-keys wrote decides") {
  const Directory dir;
  const Issued issued = issue(dir.file(), {"demo", "cam", {}, 2, {"rtmp"}, {"127.0.0.0/8"}});
  REQUIRE(issued.secret.reveal().starts_with("sk_"));
  REQUIRE(issued.secret.reveal().size() == 46);
  KeyFile store(dir.file());
  SUBCASE("the key is let in, with its stream") {
    const Verdict verdict = store.check({issued.secret.reveal(), "rtmp", "127.0.0.1"});
    CHECK(verdict.ok());
    CHECK(verdict.key.stream == "demo");
    CHECK(verdict.key.max_sessions == 2);
    CHECK(store.may_stay(verdict.credential));
  }
  SUBCASE("other keys, protocols and addresses are not") {
    std::string near(issued.secret.reveal());
    near.back() = near.back() == 'A' ? 'B' : 'A';
    CHECK(ask(store, Secret(near)) == Refusal::kUnknown);
    CHECK(ask(store, Secret("")) == Refusal::kUnknown);
    CHECK(ask(store, Secret(issued.key.id)) == Refusal::kUnknown);
    CHECK(ask(store, Secret(std::string(100'000, 'k'))) == Refusal::kUnknown);
    CHECK(ask(store, issued.secret, "srt") == Refusal::kProtocol);
    CHECK(ask(store, issued.secret, "rtmp", "192.0.2.1") == Refusal::kAddress);
    CHECK(ask(store, issued.secret, "rtmp", "nonsense") == Refusal::kAddress);
  }
  SUBCASE("the file holds no key") {
    const std::string text = os::read_file(dir.file());
    CHECK(text.find(issued.secret.reveal()) == std::string::npos);
    CHECK(text.find(issued.secret.reveal().substr(3)) == std::string::npos);
  }
  SUBCASE("changes are seen at once") {
    const uint64_t before = store.version();
    const Issued other = issue(dir.file(), {"demo", "second", {}, 1, {}, {}});
    CHECK(store.version() != before);
    CHECK(ask(store, other.secret) == Refusal::kNone);
    const auto credential = store.check({issued.secret.reveal(), "rtmp", "127.0.0.1"}).credential;
    change_keys(dir.file(), [&](KeyBook& b) { CHECK(b.revoke(issued.key.id, now(), false)); });
    CHECK(ask(store, issued.secret) == Refusal::kRevoked);
    CHECK(store.may_stay(credential));
    change_keys(dir.file(), [&](KeyBook& b) { CHECK(b.revoke(issued.key.id, now(), true)); });
    CHECK_FALSE(store.may_stay(credential));
    CHECK(ask(store, other.secret) == Refusal::kNone);
  }
  SUBCASE("a file that was replaced by a broken one, or removed, changes nothing") {
    os::write_file(dir.file(), "garbage\n", os::Sync::kNo, 0600);
    CHECK(ask(store, issued.secret) == Refusal::kNone);
    ::unlink(dir.file().c_str());
    CHECK(ask(store, issued.secret) == Refusal::kNone);
  }
}

TEST_CASE("KeyBook") {
  const Directory dir;
  SUBCASE("the same label gives the same id, and a secret only once") {
    const Issued first = issue(dir.file(), {"demo", "cam", {}, 1, {}, {}});
    const Issued again = issue(dir.file(), {"demo", "cam", {}, 1, {}, {}});
    CHECK(again.key.id == first.key.id);
    CHECK(again.secret.empty());
    const Issued rotated = issue(dir.file(), {"demo", "cam", {}, 1, {}, {}}, true);
    CHECK(rotated.key.id == first.key.id);
    KeyFile store(dir.file());
    CHECK(ask(store, first.secret) == Refusal::kRevoked);
    CHECK(ask(store, rotated.secret) == Refusal::kNone);
    CHECK(issue(dir.file(), {"other", "cam", {}, 1, {}, {}}).key.id != first.key.id);
  }
  SUBCASE("a rotation's grace keeps the old secret until its end") {
    const Issued first = issue(dir.file(), {"demo", "cam", {}, 1, {"srt"}, {}});
    Issued fresh;
    change_keys(dir.file(), [&](KeyBook& b) { fresh = b.rotate(first.key.id, now(), 60'000); });
    KeyFile store(dir.file());
    CHECK(ask(store, first.secret, "srt") == Refusal::kNone);
    CHECK(ask(store, fresh.secret, "srt") == Refusal::kNone);
    CHECK(ask(store, fresh.secret, "rtmp") == Refusal::kProtocol);
    change_keys(dir.file(), [&](KeyBook& b) { b.rotate(first.key.id, now() - 61'000, 60'000); });
    CHECK(ask(store, first.secret, "srt") == Refusal::kExpired);
  }
  SUBCASE("expiry") {
    const Issued issued = issue(dir.file(), {"demo", "", now() - 1, 1, {}, {}});
    KeyFile store(dir.file());
    CHECK(ask(store, issued.secret) == Refusal::kExpired);
  }
  SUBCASE("every key of many is found, and no other") {
    std::vector<Secret> keys;
    change_keys(dir.file(), [&](KeyBook& book) {
      for (int i = 0; i < 500; ++i)
        keys.push_back(book.issue({"s" + std::to_string(i),
                                   std::string(static_cast<size_t>(i), 'x'),
                                   {},
                                   1,
                                   {},
                                   {}},
                                  false, now())
                           .secret);
    });
    KeyFile store(dir.file());
    for (size_t i = 0; i < keys.size(); ++i) {
      const Verdict verdict = store.check({keys[i].reveal(), "rtmp", "127.0.0.1"});
      REQUIRE(verdict.ok());
      CHECK(verdict.key.stream == "s" + std::to_string(i));
      CHECK(ask(store, Secret("sk_" + std::to_string(i))) == Refusal::kUnknown);
    }
    int seen = 0;
    KeyBook(dir.file()).each([&](const Credential&) { ++seen; });
    CHECK(seen == 500);
    CHECK(KeyBook(dir.file()).of_stream("s7").size() == 1);
  }
  SUBCASE("a damaged file is named with its line and left alone") {
    issue(dir.file(), {"demo", "", {}, 1, {}, {}});
    const std::string text = os::read_file(dir.file());
    os::write_file(dir.file(), text + "{}\n", os::Sync::kNo, 0600);
    CHECK_THROWS_WITH_AS(KeyBook{dir.file()}, doctest::Contains(":3: not a key"), Error);
    os::write_file(dir.file(), text + text.substr(text.find('\n') + 1), os::Sync::kNo, 0600);
    CHECK_THROWS_WITH_AS(KeyBook{dir.file()}, doctest::Contains(":3: out of order"), Error);
    os::write_file(dir.file(), "{\"schema\":\"stream.keys/2\"}\n", os::Sync::kNo, 0600);
    CHECK_THROWS_WITH_AS(KeyFile{dir.file()}, doctest::Contains(":1: not a key file"), Error);
  }
  SUBCASE("a file that others can read, or a link, is refused with the fix") {
    issue(dir.file(), {"demo", "", {}, 1, {}, {}});
    ::chmod(dir.file().c_str(), 0640);
    CHECK_THROWS_WITH_AS(KeyFile{dir.file()}, doctest::Contains("other users can read"), Error);
    ::chmod(dir.file().c_str(), 0600);
    const std::string link = dir.path + "/link";
    REQUIRE(::symlink(dir.file().c_str(), link.c_str()) == 0);
    CHECK_THROWS_WITH_AS(KeyFile{link}, doctest::Contains("symbolic link"), Error);
    CHECK_THROWS_AS(KeyFile{dir.path + "/none"}, Error);
  }
}

TEST_CASE("a key line that people wrote otherwise says the same") {
  Credential c;
  c.hash = std::string(64, 'a');
  c.key = {"k_1", "demo", "studio", kNow, kNow + 1, 2, {"rtmp", "srt"}, {"10.0.0.0/8"}, kNow, true};
  const std::string line = write_line(c);
  std::string spaced = line;
  spaced.insert(spaced.find(",\"id\"") + 1, " ");
  std::string escaped = line;
  escaped.replace(escaped.find("studio"), 6, "st\\u0075dio");
  for (const std::string& other : {spaced, escaped}) {
    const auto read = parse_line(other);
    REQUIRE(read);
    CHECK(write_line(*read) == line);
  }
}
