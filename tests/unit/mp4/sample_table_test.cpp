#include "mp4/sample_table.h"

#include <doctest/doctest.h>

#include "mp4/box.h"
#include "tracks.h"

using namespace stream;
using namespace stream::mp4;
using std::chrono::hours;

namespace {

// The body of a full box in the first track (or the second, when `after` cuts the first off).
ByteReader table(Bytes moov, const std::string& name) {
  const auto box = find_box(moov, "moov/trak/" + name);
  REQUIRE(box);
  ByteReader reader(box->payload);
  return reader;
}

std::vector<uint32_t> words(ByteReader reader) {
  std::vector<uint32_t> out;
  while (reader.remaining() >= 4) out.push_back(reader.u32());
  return out;
}

const std::string kStbl = "mdia/minf/stbl/";

}  // namespace

TEST_CASE("SampleTable: tables of a short recording") {
  SampleTable samples({tracks::video(), tracks::audio()});
  const Sample first[] = {tracks::sample(0, 6000, 3000, true, 100),
                          tracks::sample(3000, 9000, 3000, false, 50)};
  const Sample second[] = {tracks::sample(6000, 12000, 3000, true, 70),
                           tracks::sample(9000, 15000, 3000, false, 60)};
  const Sample sound[] = {tracks::sample(4800, 4800, 1024, true, 8)};
  samples.add_run(0, first, 1000);
  samples.add_run(0, second, 2000);
  samples.add_run(1, sound, 1150);
  const auto moov = samples.moov(16);
  CHECK(words(table(moov, kStbl + "stts")) == std::vector<uint32_t>{0, 1, 4, 3000});
  CHECK(words(table(moov, kStbl + "ctts")) == std::vector<uint32_t>{0, 1, 4, 6000});
  CHECK(words(table(moov, kStbl + "stss")) == std::vector<uint32_t>{0, 2, 1, 3});
  CHECK(words(table(moov, kStbl + "stsz")) == std::vector<uint32_t>{0, 0, 4, 100, 50, 70, 60});
  CHECK(words(table(moov, kStbl + "stsc")) == std::vector<uint32_t>{0, 1, 1, 2, 1});
  CHECK(words(table(moov, kStbl + "stco")) == std::vector<uint32_t>{0, 2, 1016, 2016});
  // Presentation starts at 6000/90000 s = 66.7 ms, the sound 33.3 ms later.
  CHECK(words(table(moov, "edts/elst")) == std::vector<uint32_t>{0, 1, 12000, 6000, 0x10000});
  CHECK(samples.duration() == Nanoseconds(133'333'333));
  CHECK(samples.moov(0).size() == moov.size());
  CHECK(samples.moov_bound() >= moov.size());

  Bytes rest = find_box(moov, "moov")->payload;
  next_box(rest);
  next_box(rest);
  const auto sound_track = next_box(rest);
  REQUIRE(sound_track);
  CHECK(words(ByteReader(find_box(sound_track->payload, "edts/elst")->payload)) ==
        std::vector<uint32_t>{0, 2, 3000, 0xffffffff, 0x10000, 1920, 0, 0x10000});
  CHECK_FALSE(find_box(sound_track->payload, "mdia/minf/stbl/stss"));
}

TEST_CASE("SampleTable: priming before the origin is cut off") {
  SampleTable samples({tracks::audio()}, std::chrono::seconds(1));
  const Sample sound[] = {tracks::sample(48000 - 1024, 48000 - 1024, 1024, true, 8),
                          tracks::sample(48000, 48000, 1024, true, 8)};
  samples.add_run(0, sound, 1000);
  const auto moov = samples.moov();
  CHECK(words(table(moov, "edts/elst")) == std::vector<uint32_t>{0, 1, 1920, 1024, 0x10000});
  CHECK(samples.duration() == Nanoseconds(21'333'333));
}

TEST_CASE("SampleTable: a wrong last duration of a fragment does not add up") {
  SampleTable samples({tracks::audio()});
  for (int64_t i = 0; i < 1000; ++i) {
    const Sample one[] = {tracks::sample(i * 1024, i * 1024, 1000, true, 8)};
    samples.add_run(0, one, static_cast<uint64_t>(1000 + i * 8));
  }
  CHECK(words(table(samples.moov(), kStbl + "stts")) ==
        std::vector<uint32_t>{0, 2, 999, 1024, 1, 1000});
}

TEST_CASE("SampleTable: over 4 GiB and past 32-bit times") {
  SampleTable samples({tracks::video()});
  const int64_t end = int64_t{30} * 3600 * 90000;  // 30 h
  for (int64_t dts = 0, i = 0; dts < end; dts += 600 * 90000, ++i) {
    const Sample one[] = {tracks::sample(dts, dts, 600 * 90000, true, 8)};
    samples.add_run(0, one, static_cast<uint64_t>(i) * 40'000'000);
  }
  const auto moov = samples.moov(1 << 20);
  CHECK_FALSE(find_box(moov, "moov/trak/mdia/minf/stbl/stco"));
  ByteReader offsets = table(moov, kStbl + "co64");
  offsets.skip(4);
  const uint32_t count = offsets.u32();
  CHECK(count == 180);
  offsets.skip(8 * (count - 1));
  CHECK(offsets.u64() == 179ull * 40'000'000 + (1 << 20));
  ByteReader media = table(moov, "mdia/mdhd");
  CHECK(media.u8() == 1);
  media.skip(3 + 16 + 4);
  CHECK(media.u64() == static_cast<uint64_t>(end));
  ByteReader edits = table(moov, "edts/elst");
  CHECK(edits.u8() == 1);
  CHECK(samples.duration() == hours(30));
  SUBCASE("the kind of offset does not depend on the shift") {
    CHECK(samples.moov(0).size() == moov.size());
  }
}
