#include "hls/rendition.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/error.h"
#include "os/fd.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::hls;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct Output : TempDir {
  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path)) names.insert(entry.path().filename());
    return names;
  }
  MediaPlaylist playlist() const {
    auto parsed = parse_media_playlist(os::read_file(*this / "playlist.m3u8"));
    REQUIRE(std::holds_alternative<MediaPlaylist>(parsed));
    return std::get<MediaPlaylist>(parsed);
  }
};

RenditionOptions options(const Output& dir, Nanoseconds window = 8s) {
  RenditionOptions o;
  o.directory = dir.path;
  o.window = window;
  return o;
}

const std::vector<uint8_t> kInit(100, 1), kOtherInit(100, 2);

bool add_segment(Rendition& rendition, size_t bytes = 1000, Nanoseconds duration = 2s) {
  const std::vector<uint8_t> head(100, 3);
  const Buffer payload[] = {Buffer::copy(std::vector<uint8_t>(bytes - 100, 4))};
  rendition.add_part(head, payload, duration, true);
  return rendition.end_segment(WallTime());
}

}  // namespace

TEST_CASE("Rendition: segments appear whole and in order") {
  Output dir;
  Rendition rendition(options(dir));
  CHECK(rendition.begin_init(kInit));
  const std::vector<uint8_t> head(10, 1);
  const Buffer payload[] = {Buffer::copy(std::vector<uint8_t>(5, 2)),
                            Buffer::copy(std::vector<uint8_t>(6, 3))};
  CHECK(rendition.add_part(head, payload, 1s, true));
  CHECK(rendition.add_part(head, payload, 1s, false));
  CHECK_FALSE(dir.files().count("segment_000001.m4s"));
  CHECK_FALSE(dir.files().count("playlist.m3u8"));
  CHECK(rendition.end_segment(WallTime()));
  CHECK(dir.files() == std::set<std::string>{"init_1.mp4", "playlist.m3u8", "segment_000001.m4s"});
  CHECK(fs::file_size(dir / "segment_000001.m4s") == 42);
  REQUIRE(rendition.playlist().segments.size() == 1);
  const Segment& segment = rendition.playlist().segments[0];
  CHECK(segment.duration == 2s);
  REQUIRE(segment.parts.size() == 2);
  CHECK(segment.parts[1].offset == 21);
  CHECK(segment.parts[1].size == 21);
  CHECK_FALSE(dir.playlist().ended);
  CHECK(rendition.finish());
  CHECK(dir.playlist().ended);
}

TEST_CASE("Rendition: the window slides, files stay for a while and then go") {
  Output dir;
  Rendition rendition(options(dir));
  rendition.begin_init(kInit);
  for (uint64_t i = 1; i <= 200; ++i) {
    REQUIRE(add_segment(rendition));
    const MediaPlaylist listed = dir.playlist();
    CHECK(listed.segments.size() == std::min<size_t>(i, 4));
    CHECK(listed.media_sequence + listed.segments.size() == i + 1);
    // Kept: the list and as much again and three more, for clients that are behind.
    const uint64_t oldest = listed.media_sequence > 4 + 3 ? listed.media_sequence - 4 - 3 : 1;
    for (uint64_t n = oldest; n <= i; ++n) {
      char name[32];
      snprintf(name, sizeof name, "segment_%06u.m4s", static_cast<unsigned>(n));
      CHECK(fs::exists(dir / name));
    }
    CHECK(dir.files().size() <= 2 + 4 + 4 + 5);
  }
}

TEST_CASE("Rendition: goes on after kill -9") {
  Output dir;
  {
    Rendition killed(options(dir));
    killed.begin_init(kInit);
    for (int i = 0; i < 19; ++i) add_segment(killed);
    killed.begin_init(kOtherInit);
    add_segment(killed);
  }
  // What a process leaves that dies between the rename of a segment and that of the playlist.
  std::ofstream(dir / "segment_000021.m4s") << "never listed";
  std::ofstream(dir / "segment_000022.m4s.tmp") << "half";
  std::ofstream(dir / "playlist.m3u8.tmp99-1") << "#EXTM";
  std::ofstream(dir / "segment_000001.m4s") << "from long ago";
  const MediaPlaylist before = dir.playlist();
  CHECK(before.media_sequence == 17);

  Rendition rendition(options(dir));
  CHECK(rendition.resumed());
  CHECK(rendition.next_sequence() == 21);
  CHECK_FALSE(dir.files().count("segment_000021.m4s"));
  CHECK_FALSE(dir.files().count("segment_000022.m4s.tmp"));
  CHECK_FALSE(dir.files().count("playlist.m3u8.tmp99-1"));
  CHECK_FALSE(dir.files().count("segment_000001.m4s"));
  CHECK(dir.files().count("segment_000016.m4s"));
  CHECK(rendition.rates().average > 0);

  SUBCASE("with a discontinuity and the same init segment") {
    CHECK(rendition.begin_init(kOtherInit));
    CHECK(add_segment(rendition));
    const MediaPlaylist after = dir.playlist();
    CHECK(after.media_sequence == 18);
    CHECK(after.segments.back().uri == "segment_000021.m4s");
    CHECK(after.segments.back().discontinuity);
    CHECK(after.segments.back().map == "init_2.mp4");
    CHECK(after.target_seconds == before.target_seconds);
  }
  SUBCASE("the discontinuity sequence counts what slides out") {
    rendition.begin_init(kInit);
    for (int i = 0; i < 20; ++i) add_segment(rendition);
    CHECK(dir.playlist().discontinuity_sequence == 2);
    CHECK(dir.playlist().media_sequence == 37);
  }
  SUBCASE("another init segment never takes an old name") {
    rendition.begin_init(kInit);
    add_segment(rendition);
    CHECK(dir.playlist().segments.back().map == "init_3.mp4");
  }
  SUBCASE("renditions that were a segment apart meet again") {
    CHECK(rendition.align(23, 2s));
    CHECK(rendition.next_sequence() == 23);
    CHECK(dir.playlist().segments.back().gap);
  }
}

TEST_CASE("Rendition: damaged or foreign playlists do not stop it, numbers still go on") {
  Output dir;
  {
    Rendition rendition(options(dir));
    rendition.begin_init(kInit);
    for (int i = 0; i < 3; ++i) add_segment(rendition);
  }
  SUBCASE("cut") {
    fs::resize_file(dir / "playlist.m3u8", 40);
  }
  SUBCASE("names outside the directory") {
    std::ofstream(dir / "playlist.m3u8")
        << "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n../../etc/passwd\n";
  }
  SUBCASE("not text") {
    std::ofstream(dir / "playlist.m3u8") << std::string(5000, '\xff');
  }
  Rendition rendition(options(dir));
  CHECK_FALSE(rendition.resumed());
  CHECK(rendition.next_sequence() == 4);
}

TEST_CASE("Rendition: after a clean end a new presentation begins with new names") {
  Output dir;
  {
    Rendition rendition(options(dir, 0s));
    rendition.begin_init(kInit);
    for (int i = 0; i < 3; ++i) add_segment(rendition);
    rendition.finish();
  }
  CHECK(dir.playlist().type == PlaylistType::kEvent);
  Rendition rendition(options(dir, 0s));
  CHECK_FALSE(rendition.resumed());
  rendition.begin_init(kInit);
  add_segment(rendition);
  const MediaPlaylist after = dir.playlist();
  CHECK(after.media_sequence == 4);
  CHECK(after.segments.size() == 1);
  CHECK(after.discontinuity_sequence == 1);
  CHECK_FALSE(after.ended);
  CHECK(after.segments[0].map == "init_2.mp4");
  CHECK(dir.files() == std::set<std::string>{"init_2.mp4", "playlist.m3u8", "segment_000004.m4s"});
}

TEST_CASE("Rendition: a write error makes a gap and the rest goes on") {
  Output dir;
  Rendition rendition(options(dir));
  rendition.begin_init(kInit);
  REQUIRE(add_segment(rendition));
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{50'000, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const bool written = add_segment(rendition, 100'000);
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  CHECK_FALSE(written);
  CHECK(rendition.gaps() == 1);
  CHECK(rendition.error().find("segment_000002.m4s: File too large") != std::string::npos);
  CHECK(add_segment(rendition));
  const MediaPlaylist listed = dir.playlist();
  REQUIRE(listed.segments.size() == 3);
  CHECK(listed.segments[1].gap);
  CHECK_FALSE(listed.segments[2].gap);
  CHECK_FALSE(listed.segments[2].discontinuity);
  CHECK_FALSE(dir.files().count("segment_000002.m4s"));
  CHECK_FALSE(dir.files().count("segment_000002.m4s.tmp"));
}

TEST_CASE("Rendition: rates") {
  Output dir;
  RenditionOptions o = options(dir, 0s);
  Rendition rendition(o);
  rendition.begin_init(kInit);
  add_segment(rendition, 1'000'000);
  add_segment(rendition, 2'000'000);
  add_segment(rendition, 500'000, 500ms);  // shorter than half a target: never a run of its own
  const Rates rates = rendition.rates();
  CHECK(rates.average == 3'500'000ull * 8 * 10 / 45 + 1);
  CHECK(rates.peak == 8'000'000);  // 2 s of 2 MB; with the short one 2.5 MB in 2.5 s is the same
}

TEST_CASE("Rendition: a longer segment than promised raises the target duration") {
  Output dir;
  Rendition rendition(options(dir));
  add_segment(rendition, 1000, 2400ms);
  CHECK(dir.playlist().target_seconds == 2);
  add_segment(rendition, 1000, 9900ms);
  CHECK(dir.playlist().target_seconds == 10);
}

TEST_CASE("Rendition: VOD, the playlist appears when it is whole") {
  Output dir;
  RenditionOptions o = options(dir, 6s);
  o.vod = true;
  Rendition rendition(o);
  rendition.begin_init(kInit);
  for (int i = 0; i < 9; ++i) add_segment(rendition, 1000, i == 7 ? 3600ms : 2s);
  CHECK_FALSE(dir.files().count("playlist.m3u8"));
  CHECK(rendition.finish());
  const MediaPlaylist playlist = dir.playlist();
  CHECK(playlist.type == PlaylistType::kVod);
  CHECK(playlist.ended);
  CHECK(playlist.segments.size() == 9);
  CHECK(playlist.target_seconds == 4);
}

TEST_CASE("Rendition: a directory that can't be used is named") {
  CHECK_THROWS_WITH_AS(Rendition({.directory = "/proc/nothing/here"}),
                       doctest::Contains("/proc/nothing/here"), Error);
}
