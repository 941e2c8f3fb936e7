#include "manifest/stream.h"

#include <doctest/doctest.h>

#include <map>

#include "base/error.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::manifest;

// Written out a second time, state by state: each pair stands here.
TEST_CASE("life of a stream: every state and cause") {
  using enum Life;
  constexpr Life kStay = static_cast<Life>(99);
  // opened, media began, media ended, end asked, all ended, failed, reset
  const std::map<Life, std::vector<Life>> expected{
      {kScheduled, {kReady, kStay, kStay, kCompleted, kStay, kError, kStay}},
      {kReady, {kStay, kLive, kStay, kEnding, kStay, kError, kStay}},
      {kLive, {kStay, kStay, kReady, kEnding, kStay, kError, kStay}},
      {kEnding, {kReady, kStay, kStay, kStay, kCompleted, kError, kStay}},
      {kCompleted, {kReady, kStay, kStay, kStay, kStay, kStay, kScheduled}},
      {kError, {kReady, kStay, kStay, kStay, kStay, kStay, kScheduled}},
  };
  for (const Life life : kLives) {
    for (size_t i = 0; i < std::size(kCauses); ++i) {
      CAPTURE(to_text(life));
      CAPTURE(i);
      const Life to = expected.at(life)[i];
      Stream stream;
      stream.life = life;
      const WallTime now = wall_now();
      if (to == kStay) {
        CHECK_FALSE(next(life, kCauses[i]));
        CHECK_FALSE(stream.move(kCauses[i], "x", now));
        CHECK(stream.life == life);
        CHECK(stream.moves.empty());
      } else {
        CHECK(next(life, kCauses[i]) == to);
        CHECK(stream.move(kCauses[i], "x", now));
        CHECK(stream.life == to);
        CHECK(stream.moves.size() == 1);
        CHECK(stream.reason == "x");
        if (to == kReady && kCauses[i] == Cause::kOpened) CHECK(stream.opened == now);
        if (to == kLive) CHECK(stream.live == now);
        if (to == kCompleted || to == kError) CHECK(stream.ended == now);
      }
    }
  }
}

TEST_CASE("stream manifest") {
  const TempDir dir;
  FileStore store(dir.path);
  Stream stream;
  stream.name = "demo";
  stream.title = "A \"try\"\n";
  stream.file = {{"name", "demo"}, {"input", {{"test_pattern", true}}}};
  stream.created = *parse_rfc3339("2026-11-20T10:00:00.123Z");
  stream.move(Cause::kOpened, "ready", stream.created);
  stream.move(Cause::kMediaBegan, "media", stream.created);

  SUBCASE("is what it was when it is read again") {
    StreamRecording recording{"demo-1", "/rec", stream.created, {}, std::chrono::seconds(3),
                              7,        false};
    CHECK_FALSE(stream.note(recording));
    recording.ready = true;
    recording.ended = stream.created;
    CHECK(stream.note(recording));
    CHECK_FALSE(stream.note(recording));
    CHECK(stream.recordings.size() == 1);
    save_stream(store, stream);
    const auto again = load_stream(store, "demo");
    REQUIRE(again);
    CHECK(to_json(*again) == to_json(stream));
    CHECK(store.folders() == std::vector<std::string>{"demo"});
    CHECK_FALSE(load_stream(store, "other"));
    CHECK_THROWS_AS(load_stream(store, "../demo"), Error);
  }
  SUBCASE("knows its sessions by their start, one of them open") {
    using std::chrono::hours;
    const WallTime at = stream.created;
    stream.note({at + hours(5), at + hours(6), "later", false, at, {}, ""});
    stream.note({at, at + hours(1), "", true, {}, {}, "missed"});
    REQUIRE(stream.open_session());
    CHECK(stream.open_session()->title == "later");
    save_stream(store, stream);
    auto again = load_stream(store, "demo");
    CHECK(to_json(*again) == to_json(stream));
    CHECK(again->sessions[0].missed);
    again->open_session()->closed = at + hours(6);
    CHECK_FALSE(again->open_session());
    again->note({at + hours(5), at + hours(7), "longer", false, at, {}, ""});
    CHECK(again->sessions.size() == 2);
    for (int i = 0; i < 300; ++i)
      again->note({at + hours(10 + i), at + hours(11 + i), "", true, {}, {}, ""});
    CHECK(again->sessions.size() == 100);
    CHECK(again->sessions.back().start == at + hours(309));
  }
  SUBCASE("a move is untold until it is marked") {
    const auto again = stream_from_json(to_json(stream));
    CHECK(again.moves.back().untold);
    stream.mark_told();
    CHECK_FALSE(stream_from_json(to_json(stream)).moves.back().untold);
    CHECK_FALSE(to_json(stream)["moves"].back().contains("untold"));
  }
  SUBCASE("keeps the newest hundred moves") {
    for (int i = 0; i < 300; ++i)
      stream.move(i % 2 ? Cause::kMediaBegan : Cause::kMediaEnded, std::to_string(i),
                  stream.created);
    CHECK(stream.moves.size() == 100);
    CHECK(stream.moves.back().reason == "299");
  }
  SUBCASE("anything else is an error") {
    const Json good = to_json(stream);
    for (const auto& item : good.items()) {
      const std::string& key = item.key();
      CAPTURE(key);
      Json bad = good;
      bad.erase(key);
      // Not in those that were written before there were schedules.
      if (key != "sessions") CHECK_THROWS_AS(stream_from_json(bad), Error);
      bad = good;
      bad[key] = key == "file" ? Json(nullptr) : Json(3);
      if (key != "file") CHECK_THROWS_AS(stream_from_json(bad), Error);
    }
    Json bad = good;
    bad["name"] = "../x";
    CHECK_THROWS_AS(stream_from_json(bad), Error);
    bad = good;
    bad["state"] = "sleeping";
    CHECK_THROWS_AS(stream_from_json(bad), Error);
    CHECK_THROWS_AS(stream_from_json(Json(3)), Error);
  }
}
