#include "manifest/recording.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::manifest;

namespace {

Recording example() {
  Recording recording;
  recording.id = "demo-20261120T100000Z";
  recording.stream = "demo";
  recording.input = "bus:demo";
  recording.state = "finished";
  recording.reason = "stopped";
  recording.started =
      std::chrono::system_clock::from_time_t(1795168800) + std::chrono::milliseconds(7);
  recording.ended = recording.started + std::chrono::seconds(4);
  RecordingFile file;
  file.path = "demo-20261120T100000Z.mp4";
  file.started = recording.started;
  file.ended = recording.ended;
  file.duration = std::chrono::milliseconds(3967);
  file.bytes = 123456;
  file.complete = true;
  file.reason = "stopped";
  RecordingTrack track;
  track.kind = "audio";
  track.codec = "aac";
  track.codec_string = "mp4a.40.2";
  track.sample_rate = 48000;
  track.channels = 2;
  track.samples = 187;
  file.tracks.push_back(track);
  file.sha256 = std::string(64, 'a');
  file.thumbnails = RecordingThumbnails{"p.jpg", "p.vtt", {"p-1.jpg"}, std::chrono::seconds(10)};
  recording.files.push_back(file);
  recording.sessions.push_back({1, recording.started, recording.ended, "stopped"});
  recording.gaps.push_back({1, file.path, std::chrono::milliseconds(1500), recording.started,
                            recording.started + std::chrono::seconds(2)});
  return recording;
}

}  // namespace

TEST_CASE("a recording's manifest is read as it was written") {
  const Json document = to_json(example());
  CHECK(document["complete"] == true);
  CHECK(document["duration_seconds"] == 3.967);
  CHECK(document["recording_ready"] == true);
  CHECK(document["sessions"][0]["duration_seconds"] == 3.967);
  CHECK(document["gaps"][0]["duration_seconds"] == 2);
  CHECK(document["files"][0]["tracks"][0]["width"].is_null());
  CHECK(to_json(recording_from_json(document)) == document);
  SUBCASE("while it is open") {
    Recording open = example();
    open.ended.reset();
    open.files[0].ended.reset();
    open.state = "recording";
    const Json text = to_json(open);
    CHECK(text["complete"] == false);
    CHECK(text["recording_ready"] == false);
    CHECK(text["files"][0]["size_bytes"].is_null());
    CHECK_FALSE(recording_from_json(text).ended);
  }
  SUBCASE("of an earlier version, without sessions") {
    Json old = document;
    for (const char* name : {"sessions", "gaps", "recording_ready"}) old.erase(name);
    for (const char* name : {"format", "session", "sha256", "thumbnails"}) {
      old["files"][0].erase(name);
    }
    const Recording read = recording_from_json(old);
    CHECK(read.sessions.empty());
    CHECK(read.files[0].format == "mp4");
    CHECK(read.files[0].session == 1);
  }
  SUBCASE("what was lost is not complete") {
    Recording lossy = example();
    lossy.lost = std::chrono::seconds(1);
    CHECK(to_json(lossy)["complete"] == false);
  }
}

TEST_CASE("a broken manifest is refused with what is wrong") {
  const Json good = to_json(example());
  for (const auto& [name, value] : good.items()) {
    Json without = good;
    without.erase(name);
    if (name == "complete" || name == "duration_seconds" || name == "size_bytes" ||
        name == "recording_ready" || name == "sessions" || name == "gaps")
      continue;  // derived, or not in manifests of earlier versions
    CHECK_THROWS_WITH_AS(recording_from_json(without), doctest::Contains(name.c_str()), Error);
    Json wrong = good;
    wrong[name] = Json::object();
    CHECK_THROWS_AS(recording_from_json(wrong), Error);
  }
  Json outside = good;
  outside["files"][0]["path"] = "../../etc/passwd";
  CHECK_THROWS_AS(recording_from_json(outside), Error);
  Json sprite = good;
  sprite["files"][0]["thumbnails"]["sprites"][0] = "/etc/passwd";
  CHECK_THROWS_AS(recording_from_json(sprite), Error);
  CHECK_THROWS_AS(recording_from_json(Json::array()), Error);
}

TEST_CASE("FileStore") {
  const TempDir directory;
  FileStore store(directory.path);
  CHECK_FALSE(store.load("a"));
  store.save("a", {{"x", 1}}, true);
  store.save("sub/b", {{"x", 2}}, false);
  CHECK((*store.load("a"))["x"] == 1);
  CHECK((*store.load("sub/b"))["x"] == 2);
  CHECK(store.list("") == std::vector<std::string>{"a"});
  CHECK(store.list("sub/") == std::vector<std::string>{"sub/b"});
  store.remove("a");
  CHECK_FALSE(store.load("a"));
  for (const char* key : {"", "../a", "a/../b", "/a", "a/", ".a", "a b", "a//b"})
    CHECK_THROWS_AS(store.load(key), Error);
  std::ofstream(directory / "bad.json") << "{";
  CHECK_THROWS_WITH_AS(store.load("bad"), doctest::Contains("bad.json"), Error);
}
