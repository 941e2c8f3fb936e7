#include "archive/ledger.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "os/atomic_file.h"
#include "os/fd.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::archive;

TEST_CASE("ledger: what arrived stays known, by its content; what has gone is forgotten") {
  const TempDir dir;
  const std::string thing = dir / "a.json", gone = dir / "b.json";
  const std::string path = dir / "ledger.json";
  os::write_file(thing, "one", os::Sync::kNo);
  os::write_file(gone, "two", os::Sync::kNo);
  const std::string mark = mark_of_file(thing);
  {
    Ledger ledger(path);
    CHECK_FALSE(ledger.has(thing, mark));
    ledger.add(thing, mark);
    ledger.add(gone, "x");
    CHECK(ledger.has(thing, mark));
  }
  std::filesystem::remove(gone);
  {
    const Ledger ledger(path);
    CHECK(ledger.has(thing, mark));
    CHECK_FALSE(ledger.has(gone, "x"));
  }
  os::write_file(thing, "other", os::Sync::kNo);
  CHECK(mark_of_file(thing) != mark);
  CHECK(mark_of_file(dir / "none").empty());
}

TEST_CASE("ledger: every truncation of it, and what is none, counts as empty") {
  const TempDir dir;
  const std::string path = dir / "ledger.json", thing = dir.path;
  Ledger(path).add(thing, "m");
  const std::string text = os::read_file(path);
  for (size_t size = 0; size < text.size(); ++size) {
    os::write_file(path, text.substr(0, size), os::Sync::kNo);
    CHECK_FALSE(Ledger(path).has(thing, "m"));
  }
  os::write_file(path, text, os::Sync::kNo);
  CHECK(Ledger(path).has(thing, "m"));
  for (const char* other : {"[]", "{}", R"({"schema":"stream.ledger/1","arrived":[]})",
                            R"({"schema":7,"arrived":{"/":"m"}})"}) {
    os::write_file(path, other, os::Sync::kNo);
    CHECK_FALSE(Ledger(path).has("/", "m"));
  }
}

TEST_CASE("ledger: the mark of an output is that of all its playlists") {
  const TempDir dir;
  CHECK(mark_of_output(dir.path).empty());
  CHECK(mark_of_output(dir / "none").empty());
  std::filesystem::create_directory(dir / "v");
  os::write_file(dir / "master.m3u8", "m", os::Sync::kNo);
  os::write_file(dir / "v/playlist.m3u8", "p", os::Sync::kNo);
  const std::string mark = mark_of_output(dir.path);
  CHECK_FALSE(mark.empty());
  os::write_file(dir / "v/segment_000001.m4s", "s", os::Sync::kNo);
  CHECK(mark_of_output(dir.path) == mark);
  os::write_file(dir / "v/playlist.m3u8", "q", os::Sync::kNo);
  CHECK(mark_of_output(dir.path) != mark);
}
