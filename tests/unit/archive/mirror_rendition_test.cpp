#include "archive/mirror_rendition.h"

#include <doctest/doctest.h>

#include <set>

#include "archive/lag.h"

using namespace stream;
using namespace stream::archive;

namespace {

// Segments `first` to `last` of 2 s, all in map init_1.mp4.
hls::MediaPlaylist playlist(uint64_t first, uint64_t last,
                            hls::PlaylistType type = hls::PlaylistType::kLive) {
  hls::MediaPlaylist out;
  out.media_sequence = first;
  out.type = type;
  for (uint64_t i = first; i <= last; ++i) {
    hls::Segment segment;
    segment.uri = "s" + std::to_string(i) + ".m4s";
    segment.map = "init_1.mp4";
    segment.duration = std::chrono::seconds(2);
    out.segments.push_back(segment);
  }
  return out;
}

std::vector<std::string> all_files(MirrorRendition& rendition) {
  std::vector<std::string> out;
  while (const auto uri = rendition.next_file()) out.push_back(*uri);
  return out;
}

hls::MediaPlaylist parsed(const std::optional<std::string>& text) {
  REQUIRE(text);
  auto result = hls::parse_media_playlist(*text);
  REQUIRE(std::holds_alternative<hls::MediaPlaylist>(result));
  return std::get<hls::MediaPlaylist>(result);
}

const auto kNone = [](const std::string&) { return false; };

}  // namespace

TEST_CASE("mirror: nothing is listed before it is there") {
  MirrorRendition r;
  const std::string text = to_text(playlist(1, 4, hls::PlaylistType::kEvent));
  REQUIRE(r.read(text));
  CHECK(all_files(r) ==
        std::vector<std::string>{"init_1.mp4", "s1.m4s", "s2.m4s", "s3.m4s", "s4.m4s"});
  CHECK_FALSE(r.next_playlist());
  r.sent("s1.m4s");
  CHECK_FALSE(r.next_playlist());  // without its map
  r.sent("init_1.mp4");
  CHECK(parsed(r.next_playlist()).segments.size() == 1);
  r.sent("s2.m4s");
  r.sent("s4.m4s");
  CHECK_FALSE(r.next_playlist());  // one is under way
  r.published(true);
  CHECK(parsed(r.next_playlist()).segments.size() == 2);
  r.published(false);
  CHECK(parsed(r.next_playlist()).segments.size() == 2);
  r.published(true);
  r.sent("s3.m4s");
  CHECK(r.next_playlist() == text);
  r.published(true);
  CHECK_FALSE(r.next_playlist());
  CHECK(r.behind() == 0);
}

TEST_CASE("mirror: of a live window the newer half is sent, the newest run is listed") {
  MirrorRendition r;
  hls::MediaPlaylist live = playlist(11, 20);
  live.segments[2].discontinuity = live.segments[7].discontinuity = true;
  live.discontinuity_sequence = 3;
  REQUIRE(r.read(to_text(live)));
  CHECK(all_files(r) == std::vector<std::string>{"init_1.mp4", "s16.m4s", "s17.m4s", "s18.m4s",
                                                 "s19.m4s", "s20.m4s"});
  r.sent("init_1.mp4");
  r.sent("s16.m4s");
  r.sent("s18.m4s");
  r.sent("s19.m4s");
  hls::MediaPlaylist out = parsed(r.next_playlist());
  CHECK(out.media_sequence == 18);
  CHECK(out.segments.size() == 2);
  CHECK(out.discontinuity_sequence == 4);
  CHECK(out.segments[0].discontinuity);
  r.published(true);
  r.failed("s17.m4s");
  CHECK(all_files(r) == std::vector<std::string>{"s17.m4s"});
  r.sent("s17.m4s");
  out = parsed(r.next_playlist());
  CHECK(out.media_sequence == 16);
  CHECK(out.segments.size() == 4);
  CHECK(r.skipped() == 0);
}

TEST_CASE("mirror: what leaves the window unsent is counted, and the end is told") {
  MirrorRendition r;
  REQUIRE(r.read(to_text(playlist(1, 4))));
  for (const std::string& uri : all_files(r)) r.sent(uri);
  static_cast<void>(r.next_playlist());
  r.published(true);
  CHECK(r.is_live());
  REQUIRE(r.read(to_text(playlist(9, 12))));  // 5 to 8 were never seen
  CHECK(r.skipped() == 4);
  REQUIRE(r.read(to_text(playlist(13, 16))));  // 9 to 12 were not sent
  CHECK(r.skipped() == 8);
  for (const std::string& uri : all_files(r)) r.sent(uri);
  CHECK(parsed(r.next_playlist()).media_sequence == 15);
  r.published(true);
  CHECK_FALSE(r.ended());
  hls::MediaPlaylist last = playlist(13, 16);
  last.ended = true;
  REQUIRE(r.read(to_text(last)));  // it stays: now the older half is worth it
  CHECK(all_files(r) == std::vector<std::string>{"s13.m4s", "s14.m4s"});
  r.sent("s13.m4s");
  CHECK_FALSE(r.next_playlist());  // not ended without 14, and a newer run is shown
  CHECK(r.behind() == 1);
  r.sent("s14.m4s");
  CHECK(r.next_playlist() == to_text(last));
  CHECK(r.will_end());
  r.published(true);
  CHECK(r.ended());
}

TEST_CASE("mirror: the end is not told while a piece of the last window is under way") {
  MirrorRendition r;
  hls::MediaPlaylist last = playlist(1, 4);
  last.ended = true;
  REQUIRE(r.read(to_text(last)));
  for (const std::string& uri : all_files(r))
    if (uri != "s3.m4s") r.sent(uri);
  const hls::MediaPlaylist out = parsed(r.next_playlist());  // the newest run: 4 alone
  CHECK(out.segments.size() == 1);
  CHECK_FALSE(out.ended);
  r.published(true);
  CHECK_FALSE(r.ended());
  r.sent("s3.m4s");
  CHECK(r.next_playlist() == to_text(last));
  r.published(true);
  CHECK(r.ended());
}

TEST_CASE("mirror: a file that is gone becomes a gap") {
  MirrorRendition r;
  REQUIRE(r.read(to_text(playlist(1, 3, hls::PlaylistType::kEvent))));
  for (const std::string& uri : all_files(r)) {
    if (uri == "s2.m4s")
      r.absent(uri);
    else
      r.sent(uri);
  }
  const hls::MediaPlaylist out = parsed(r.next_playlist());
  CHECK(out.segments.size() == 3);
  CHECK_FALSE(out.segments[0].gap);
  CHECK(out.segments[1].gap);
}

TEST_CASE("mirror: objects go when no file and no playlist has them") {
  MirrorRendition r;
  r.found("s0.m4s");
  r.found("s2.m4s");
  REQUIRE(r.read(to_text(playlist(1, 2))));
  CHECK(r.take_removable(kNone).empty());  // what is published now may list it
  std::set<std::string> sent;
  for (const std::string& uri : all_files(r)) {
    sent.insert(uri);
    r.sent(uri);
  }
  CHECK(sent.count("s2.m4s") == 1);  // what was found is sent all the same
  static_cast<void>(r.next_playlist());
  CHECK(r.take_removable(kNone).empty());
  r.published(true);
  CHECK(r.take_removable(kNone) == std::vector<std::string>{"s0.m4s"});
  CHECK(r.take_removable(kNone).empty());
  REQUIRE(r.read(to_text(playlist(3, 4))));
  CHECK(r.take_removable(kNone).empty());  // the store's playlist lists s2 still
  for (const std::string& uri : all_files(r)) r.sent(uri);
  static_cast<void>(r.next_playlist());
  r.published(true);
  CHECK(r.take_removable([](const std::string&) { return true; }).empty());
  CHECK(r.take_removable(kNone) == std::vector<std::string>{"s2.m4s"});
}

TEST_CASE("mirror: an output that begins anew is sent anew") {
  MirrorRendition r;
  REQUIRE(r.read(to_text(playlist(5, 6))));
  for (const std::string& uri : all_files(r)) r.sent(uri);
  REQUIRE(r.read(to_text(playlist(1, 1))));
  CHECK(all_files(r) == std::vector<std::string>{"init_1.mp4", "s1.m4s"});
}

TEST_CASE("mirror: playlists that lead elsewhere or are none are refused") {
  for (const char* uri : {"../a.m4s", "/etc/passwd", "http://x/a.ts", "a?b.ts", ".hidden", "a//b",
                          "a/../b", "a b.ts", ""}) {
    CAPTURE(uri);
    CHECK_FALSE(is_plain_uri(uri));
    hls::MediaPlaylist bad = playlist(1, 1);
    bad.segments[0].uri = uri;
    MirrorRendition r;
    CHECK_FALSE(r.read(to_text(bad)));
  }
  const std::string text = to_text(playlist(1, 3));
  for (size_t size = 0; size < text.size(); ++size) {
    MirrorRendition r;
    if (!r.read(text.substr(0, size))) CHECK_FALSE(r.error().empty());
    for (const std::string& uri : all_files(r)) r.sent(uri);
    if (const auto out = r.next_playlist()) static_cast<void>(parsed(out));
  }
}

TEST_CASE("lag: quantiles of the last") {
  Lag lag;
  CHECK(lag.quantile(.95).count() == 0);
  for (int i = 1; i <= 100; ++i) lag.add(std::chrono::seconds(i));
  CHECK(lag.quantile(.5) >= std::chrono::seconds(50));
  CHECK(lag.quantile(.5) <= std::chrono::seconds(51));
  CHECK(lag.quantile(.95) >= std::chrono::seconds(95));
  CHECK(lag.quantile(1) == std::chrono::seconds(100));
  for (int i = 0; i < 2000; ++i) lag.add(std::chrono::seconds(1));
  CHECK(lag.quantile(1) == std::chrono::seconds(1));
  CHECK(lag.count() == 2100);
}
