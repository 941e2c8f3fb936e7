#include "record/recording_file.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "base/error.h"
#include "mp4/box.h"
#include "os/fd.h"
#include "record/fragmenter.h"
#include "support.h"

using namespace stream;
using media::Fragmenter;
using media::RecordingFile;
using media::RecordingFileOptions;

namespace {

// The types of the boxes at the top of the file, in order.
std::string layout(const std::string& path) {
  const std::string text = os::read_file(path, 64 << 20);
  Bytes rest(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  std::string names;
  while (const auto box = mp4::next_box(rest)) {
    for (int shift = 24; shift >= 0; shift -= 8) names += static_cast<char>(box->type >> shift);
    names += box->complete ? ' ' : '!';
  }
  return names;
}

struct Recording {
  Recording(const std::string& path, RecordingFileOptions options, double seconds)
      : fragmenter(recording::tracks()) {
    recording::play(seconds, 0, [&](const av::Packet& packet) {
      if (fragmenter.due(packet)) write(path, options);
      fragmenter.add(packet);
      ++packets[packet.track];
    });
    write(path, options);
  }
  void write(const std::string& path, const RecordingFileOptions& options) {
    const auto runs = fragmenter.runs();
    if (!file)
      file =
          std::make_unique<RecordingFile>(path, fragmenter.configs(), fragmenter.origin(), options);
    const auto result = file->write(runs);
    REQUIRE(result.written);
    REQUIRE(result.error == 0);
    fragmenter.clear();
  }
  Fragmenter fragmenter;
  std::unique_ptr<RecordingFile> file;
  std::map<int, int> packets;
};

}  // namespace

TEST_CASE("RecordingFile: fragmented while it grows, indexed in front at the end") {
  TempDir dir;
  const std::string path = dir.path + "/a.mp4";
  Recording recorded(path, {}, 5);
  CHECK(layout(path).starts_with("ftyp free moov moof mdat moof mdat "));
  CHECK(recording::read(path).packets == recorded.packets);
  CHECK(recorded.file->finish() == 0);
  CHECK(layout(path) == "ftyp free free moov mdat ");
  const auto content = recording::read(path);
  CHECK(content.packets == recorded.packets);
  CHECK(content.bytes.at(1) == recorded.packets[1] * 200);
  CHECK(content.monotonic);
  struct stat info {};
  stat(path.c_str(), &info);
  CHECK(info.st_size == static_cast<off_t>(recorded.file->size()));
  CHECK(info.st_blocks * 512 < info.st_size);  // the rest of the reserved area takes no space
}

TEST_CASE("RecordingFile: every state on the way to the index can be read whole") {
  TempDir dir;
  const std::string path = dir.path + "/a.mp4";
  RecordingFileOptions options;
  std::string expected;
  SUBCASE("it fits") {
    expected = "ftyp free free moov mdat ";
  }
  SUBCASE("the area is grown") {
    options.reserved = 16 << 10;
    expected = "ftyp free free moov mdat ";
  }
  SUBCASE("the index goes behind") {
    options.reserved = 16 << 10;
    options.may_insert = false;
    expected = "ftyp mdat moov ";
  }
  bool finishing = false;
  int states = 0;
  std::map<int, int> packets;
  // A copy of the file as a process that dies right here would leave it.
  options.on_change = [&](const media::FileChange&) {
    if (!finishing) return;
    const std::string copy = dir.path + "/copy.mp4";
    std::filesystem::copy_file(path, copy, std::filesystem::copy_options::overwrite_existing);
    const auto content = recording::read(copy);
    CHECK_MESSAGE(content.packets == packets,
                  "state " << states << ": " << layout(copy).substr(0, 60));
    ++states;
  };
  Recording recorded(path, options, 120);
  packets = recorded.packets;
  finishing = true;
  REQUIRE(recorded.file->finish() == 0);
  CHECK(layout(path) == expected);
  CHECK(states >= 3);
  CHECK(recording::read(path).packets == packets);
}

TEST_CASE("RecordingFile: a file that was never finished can be read, cut anywhere") {
  TempDir dir;
  const std::string path = dir.path + "/a.mp4", copy = dir.path + "/copy.mp4";
  RecordingFileOptions options;
  options.reserved = 16 << 10;
  Recording recorded(path, options, 3);
  const auto size = std::filesystem::file_size(path);
  const auto whole = recording::read(path);
  bool zeros = false;
  SUBCASE("short") {}
  SUBCASE("with zeros instead of its end") {
    zeros = true;
  }
  for (auto cut = size - 20'000; cut <= size; cut += 997) {
    std::filesystem::copy_file(path, copy, std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(copy, cut);
    // After a power failure a file may have its size but not its last blocks.
    if (zeros) std::filesystem::resize_file(copy, size);
    const auto content = recording::read(copy);
    CHECK(content.packets.at(0) >= whole.packets.at(0) - 45);
    CHECK(content.monotonic);
  }
}

TEST_CASE("RecordingFile: when no more can be written it is closed playable") {
  TempDir dir;
  const std::string path = dir.path + "/a.mp4";
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{300'000, old.rlim_max};
  RecordingFileOptions options;
  options.reserved = 64 << 10;
  Fragmenter fragmenter(recording::tracks());
  std::unique_ptr<RecordingFile> file;
  int error = 0, frames = 0, written_frames = 0;
  setrlimit(RLIMIT_FSIZE, &small);
  recording::play(60, 0, [&](const av::Packet& packet) {
    if (error == 0 && fragmenter.due(packet)) {
      const auto runs = fragmenter.runs();
      if (!file)
        file = std::make_unique<RecordingFile>(path, fragmenter.configs(), fragmenter.origin(),
                                               options);
      const auto result = file->write(runs);
      error = result.error;
      if (result.written) written_frames = frames;
      fragmenter.clear();
    }
    fragmenter.add(packet);
    if (packet.track == 0) ++frames;
  });
  const int finished = file->finish();
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  CHECK(error == EFBIG);
  CHECK(finished == 0);
  CHECK(layout(path) == "ftyp free free moov mdat ");
  CHECK(recording::read(path).packets[0] == written_frames);
  CHECK(written_frames > 60);
}

TEST_CASE("RecordingFile: what exists is never overwritten") {
  TempDir dir;
  const std::string path = dir.path + "/a.mp4";
  std::ofstream(path) << "precious";
  Fragmenter fragmenter(recording::tracks());
  CHECK_THROWS_WITH_AS(RecordingFile(path, fragmenter.configs(), Nanoseconds(0)),
                       doctest::Contains("exists and is not overwritten"), Error);
  CHECK(os::read_file(path) == "precious");
  CHECK_FALSE(std::filesystem::exists(path + ".tmp"));
}

TEST_CASE("reserved_for") {
  CHECK(media::reserved_for(std::chrono::seconds(0)) == 64 << 10);
  CHECK(media::reserved_for(std::chrono::hours(1)) == (64 << 10) + 3600 * 1200);
  CHECK(media::reserved_for(std::chrono::hours(1000)) == 64 << 20);
}
