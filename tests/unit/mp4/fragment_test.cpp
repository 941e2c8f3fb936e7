#include "mp4/fragment.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "mp4/box.h"
#include "tracks.h"

using namespace stream;
using namespace stream::mp4;

namespace {

// The bytes as they would lie in a file.
std::vector<uint8_t> flat(const Fragment& fragment) {
  std::vector<uint8_t> all = fragment.header;
  for (const Buffer& buffer : fragment.payload) all.insert(all.end(), buffer.begin(), buffer.end());
  return all;
}

struct Run {
  uint32_t track = 0, flags = 0;
  uint64_t time = 0;
  uint32_t count = 0, data_offset = 0, first_flags = 0, default_flags = 0, default_duration = 0;
  std::vector<std::vector<uint32_t>> entries;
};

Run read_run(Bytes traf) {
  Run run;
  ByteReader head(find_box(traf, "tfhd")->payload);
  const uint32_t flags = head.u32() & 0xffffff;
  CHECK((flags & 0x020000));  // default-base-is-moof
  run.track = head.u32();
  if (flags & 0x8) run.default_duration = head.u32();
  if (flags & 0x20) run.default_flags = head.u32();
  CHECK(head.ok());
  ByteReader time(find_box(traf, "tfdt")->payload);
  CHECK(time.u32() == 0x01000000);
  run.time = time.u64();
  ByteReader body(find_box(traf, "trun")->payload);
  run.flags = body.u32() & 0xffffff;
  run.count = body.u32();
  run.data_offset = body.u32();
  if (run.flags & 0x4) run.first_flags = body.u32();
  for (uint32_t i = 0; i < run.count; ++i) {
    std::vector<uint32_t> entry;
    for (const uint32_t field : {0x100u, 0x200u, 0x400u, 0x800u}) {
      if (run.flags & field) entry.push_back(body.u32());
    }
    run.entries.push_back(entry);
  }
  CHECK(body.ok());
  CHECK(body.remaining() == 0);
  return run;
}

}  // namespace

TEST_CASE("make_fragment") {
  const int64_t late = int64_t{30} * 3600 * 90000;  // 30 h: past 32 bits
  const TrackRun runs[] = {
      {1,
       {tracks::sample(late, late + 3000, 3000, true, 50),
        tracks::sample(late + 3000, late, 3000, false, 20)}},
      {2, {tracks::sample(1024, 1024, 1024, true, 9), tracks::sample(2048, 2048, 1024, true, 7)}},
  };
  const Fragment fragment = make_fragment(7, runs);
  const auto all = flat(fragment);
  CHECK(fragment.size == all.size());
  Bytes rest = all;
  const auto moof = next_box(rest);
  const auto mdat = next_box(rest);
  REQUIRE(moof);
  REQUIRE(mdat);
  CHECK(mdat->complete);
  CHECK(rest.empty());
  CHECK(mdat->payload.size() == 86);
  Bytes inside = moof->payload;
  CHECK(next_box(inside)->is("mfhd"));

  const Run video = read_run(next_box(inside)->payload);
  CHECK(video.track == 1);
  CHECK(video.time == static_cast<uint64_t>(late));
  CHECK(video.default_duration == 3000);
  CHECK(video.first_flags == 0x02000000);
  CHECK(video.default_flags == 0x01010000);
  REQUIRE(video.entries.size() == 2);
  CHECK(video.entries[0] == std::vector<uint32_t>{50, 3000});
  CHECK(static_cast<int32_t>(video.entries[1][1]) == -3000);
  CHECK(all[video.data_offset] == 50);
  CHECK(fragment.run_offsets[0] == video.data_offset);

  const Run audio = read_run(next_box(inside)->payload);
  CHECK(audio.track == 2);
  CHECK(audio.entries[1] == std::vector<uint32_t>{7});
  CHECK(audio.data_offset == video.data_offset + 70);
  CHECK(fragment.run_offsets[1] == audio.data_offset);
  SUBCASE("the media is shared, not copied") {
    CHECK(fragment.payload[0].data() == runs[0].samples[0].data.data());
  }
}

TEST_CASE("make_fragment: keys in the middle, empty runs") {
  const TrackRun runs[] = {
      {1, {}},
      {3,
       {tracks::sample(0, 0, 10, true, 1), tracks::sample(10, 10, 20, false, 2),
        tracks::sample(30, 30, 10, true, 3)}}};
  const Fragment fragment = make_fragment(1, runs);
  const auto all = flat(fragment);
  const Run run = read_run(find_box(find_box(all, "moof")->payload, "traf")->payload);
  CHECK(run.track == 3);
  CHECK(run.entries[1] == std::vector<uint32_t>{20, 2, 0x01010000});
  CHECK(run.entries[2] == std::vector<uint32_t>{10, 3, 0x02000000});
  CHECK(fragment.run_offsets[0] == 0);
}

TEST_CASE("init_segment") {
  const TrackConfig both[] = {tracks::video(), tracks::audio()};
  const auto init = init_segment(both);
  CHECK(find_box(init, "ftyp"));
  CHECK(find_box(init, "moov/mvex/trex"));
  const auto stsd = find_box(init, "moov/trak/mdia/minf/stbl/stsd");
  REQUIRE(stsd);
  const auto entry = find_box(stsd->payload.subspan(8), "avc1");
  REQUIRE(entry);
  CHECK(find_box(entry->payload.subspan(78), "avcC")->payload.size() == 4);
}

TEST_CASE("make_track says what it cannot carry") {
  CHECK_THROWS_AS(make_track(1, "vorbis", {}, 90000), Error);
  CHECK_THROWS_AS(make_track(1, "aac", {}, 48000), Error);
  CHECK(carries("hevc"));
  CHECK_FALSE(carries("rawvideo"));
}
