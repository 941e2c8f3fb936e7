#include "mp4/reader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "mp4/fragment.h"
#include "mp4/sample_table.h"
#include "tracks.h"

using namespace stream;

namespace {

struct Read {
  bool open = false, damaged = false;
  std::map<size_t, std::vector<mp4::ReadSample>> samples;
  std::vector<mp4::ReadTrack> tracks;
};

Read read(Bytes file) {
  mp4::Reader reader(file.size(), [&](uint64_t offset, std::span<uint8_t> out) {
    if (offset >= file.size()) return size_t{0};
    const size_t n = std::min(out.size(), file.size() - static_cast<size_t>(offset));
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(offset), n, out.begin());
    return n;
  });
  Read result;
  result.open = reader.open();
  while (result.open) {
    const auto sample = reader.next();
    if (!sample) break;
    REQUIRE(sample->size > 0);
    REQUIRE(sample->offset + sample->size <= file.size());
    result.samples[sample->track].push_back(*sample);
  }
  result.tracks = reader.tracks();
  result.damaged = reader.damaged();
  return result;
}

std::vector<mp4::TrackConfig> both() {
  return {tracks::video(), tracks::audio()};
}

std::vector<mp4::TrackRun> runs(int64_t fragment) {
  std::vector<mp4::TrackRun> runs(2);
  for (int i = 0; i < 2; ++i) {
    runs[static_cast<size_t>(i)].track_id = static_cast<uint32_t>(i + 1);
    for (int64_t n = 0; n < 10; ++n) {
      mp4::Sample sample;
      const int64_t length = i == 0 ? 3000 : 1024;
      sample.dts = (fragment * 10 + n) * length;
      sample.pts = sample.dts + (i == 0 ? 3000 : 0);
      sample.duration = static_cast<uint32_t>(length);
      sample.key = i == 1 || n == 0;
      sample.data = Buffer::copy(std::vector<uint8_t>(static_cast<size_t>(50 + n), 0x11));
      runs[static_cast<size_t>(i)].samples.push_back(sample);
    }
  }
  return runs;
}

void append(std::vector<uint8_t>& file, Bytes bytes) {
  file.insert(file.end(), bytes.begin(), bytes.end());
}

std::vector<uint8_t> fragmented(int64_t fragments) {
  std::vector<uint8_t> file = mp4::init_segment(both());
  for (int64_t i = 0; i < fragments; ++i) {
    const mp4::Fragment fragment = mp4::make_fragment(static_cast<uint32_t>(i + 1), runs(i));
    append(file, fragment.header);
    for (const Buffer& piece : fragment.payload) append(file, piece);
  }
  return file;
}

std::vector<uint8_t> ordinary(bool index_in_front) {
  mp4::SampleTable table(both());
  std::vector<uint8_t> media;
  for (int64_t i = 0; i < 3; ++i) {
    const auto part = runs(i);
    for (size_t t = 0; t < 2; ++t) {
      table.add_run(t, part[t].samples, media.size());
      for (const mp4::Sample& sample : part[t].samples) append(media, sample.data);
    }
  }
  std::vector<uint8_t> file = mp4::file_type();
  const auto mdat = [&] {
    ByteWriter out;
    out.u32(static_cast<uint32_t>(media.size() + 8));
    out.text("mdat");
    out.bytes(media);
    append(file, out.view());
  };
  if (index_in_front) {
    append(file, table.moov(static_cast<int64_t>(file.size() + table.moov().size() + 8)));
    mdat();
  } else {
    const auto shift = static_cast<int64_t>(file.size() + 8);
    mdat();
    append(file, table.moov(shift));
  }
  return file;
}

}  // namespace

TEST_CASE("mp4::Reader: ordinary files and fragmented ones") {
  for (const auto& file : {fragmented(3), ordinary(true), ordinary(false)}) {
    const Read result = read(file);
    REQUIRE(result.open);
    CHECK_FALSE(result.damaged);
    REQUIRE(result.tracks.size() == 2);
    CHECK(result.tracks[0].codec == "h264");
    CHECK(result.tracks[1].codec == "aac");
    CHECK(result.tracks[0].extradata.size() == 4);
    CHECK(result.samples.at(0).size() == 30);
    CHECK(result.samples.at(1).size() == 30);
    CHECK(result.samples.at(0)[11].size == 51);
    CHECK(result.samples.at(0)[10].key);
    CHECK_FALSE(result.samples.at(0)[11].key);
    const auto& video = result.samples.at(0);
    for (size_t i = 1; i < video.size(); ++i) CHECK(video[i].dts - video[i - 1].dts == 3000);
    CHECK(video[5].pts - video[5].dts == 3000);
  }
}

TEST_CASE("mp4::Reader: every prefix, and what lies whole in it is found") {
  const auto file = fragmented(3);
  size_t before = 0;
  for (size_t size = 0; size <= file.size(); ++size) {
    const Read result = read(Bytes(file).first(size));
    size_t found = 0;
    for (const auto& [track, samples] : result.samples) found += samples.size();
    CHECK(found >= before);
    before = found;
  }
  CHECK(before == 60);
  for (const bool front : {true, false}) {
    const auto other = ordinary(front);
    for (size_t size = 0; size <= other.size(); size += 7) read(Bytes(other).first(size));
  }
}

TEST_CASE("mp4::Reader: rubbish between fragments costs those alone, zeros at the end nothing") {
  auto file = fragmented(3);
  const auto two = fragmented(2).size(), one = fragmented(1).size();
  for (size_t i = one; i < one + 40; ++i) file[i] = static_cast<uint8_t>(i * 37);
  const Read result = read(file);
  CHECK(result.damaged);
  CHECK(result.samples.at(0).size() == 20);
  file.resize(two);
  auto zeros = fragmented(2);
  zeros.resize(zeros.size() + 5000);
  const Read padded = read(zeros);
  CHECK(padded.samples.at(0).size() == 20);
}

TEST_CASE("mp4::Reader: one of ours whose index behind the media is lost") {
  std::vector<uint8_t> file = mp4::file_type();
  ByteWriter head;
  head.u32(1);
  head.text("mdat");
  head.u64(1 << 20);  // further than the file goes
  append(file, head.view());
  append(file, std::vector<uint8_t>(1000));
  const auto inner = fragmented(3);
  append(file, inner);
  const Read result = read(file);
  REQUIRE(result.open);
  CHECK(result.damaged);
  CHECK(result.samples.at(0).size() == 30);
}

TEST_CASE("mp4::Reader: every byte turned over is survived") {
  for (const auto& good : {fragmented(2), ordinary(true)}) {
    for (size_t i = 0; i < good.size(); ++i) {
      auto file = good;
      for (const uint8_t value : {uint8_t{0}, uint8_t{0xff}, uint8_t{0x7f}}) {
        file[i] = value;
        read(file);
      }
    }
  }
}
