// What a power cut may leave of a recording: every prefix of the writes, and any part of those that
// were not synced yet, must open and lack three seconds at most.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include "record/writer.h"
#include "support.h"

using namespace stream;
using media::FileChange;

namespace {

constexpr double kSeconds = 30, kMayLose = 3;

struct Change {
  FileChange::Kind kind;
  uint64_t at = 0, size = 0;
  std::vector<uint8_t> bytes;
  double media = 0;  // pushed into the writer so far, seconds
};

// A recording as the calls that made it. The recorder syncs every two seconds.
std::vector<Change> record(media::Container container, media::RecordingFileOptions options) {
  TempDir dir;
  std::vector<Change> changes;
  double pushed = 0, synced = 0;
  options.on_change = [&](const FileChange& change) {
    Change kept{change.kind, change.at, change.size, {}, pushed};
    kept.bytes.assign(change.bytes.begin(), change.bytes.end());
    for (const Buffer& more : change.more)
      kept.bytes.insert(kept.bytes.end(), more.begin(), more.end());
    changes.push_back(std::move(kept));
  };
  const auto writer = media::make_writer(container, recording::tracks());
  const auto flush = [&] {
    if (!writer->created()) writer->create(dir.path + "/a", options);
    REQUIRE(writer->write().error == 0);
  };
  recording::play(kSeconds, 0, [&](const av::Packet& packet) {
    if (packet.track == 0) pushed = static_cast<double>(packet.dts) / 90000;
    if (writer->due(packet)) flush();
    if (pushed - synced >= 2) {
      changes.push_back({FileChange::kSync, 0, 0, {}, pushed});
      synced = pushed;
    }
    writer->add(packet);
  });
  flush();
  REQUIRE(writer->finish() == 0);
  return changes;
}

enum class Fate { kWhole, kSomeWrites, kSomePages, kTornWrite };

class Disk {
 public:
  explicit Disk(uint32_t seed) : random_(seed) {}

  // The file after `count` of the changes, of which the last unsynced ones met `fate`.
  std::vector<uint8_t> after(const std::vector<Change>& changes, size_t count, Fate fate) {
    size_t synced = 0;
    for (size_t i = 0; i < count; ++i) {
      if (changes[i].kind == FileChange::kSync) synced = i;
    }
    image_.clear();
    for (size_t i = 0; i < count; ++i)
      apply(changes[i], i < synced ? Fate::kWhole : fate, i + 1 == count);
    return image_;
  }

 private:
  void apply(const Change& change, Fate fate, bool last) {
    switch (change.kind) {
      case FileChange::kInsert:
        image_.insert(image_.begin() + static_cast<std::ptrdiff_t>(change.at), change.size, 0);
        break;
      case FileChange::kTruncate:
        image_.resize(change.at);
        break;
      case FileChange::kWrite:
        write(change, fate, last);
        break;
      default:
        break;
    }
  }
  void write(const Change& change, Fate fate, bool last) {
    const size_t end = change.at + change.bytes.size();
    if (fate == Fate::kSomeWrites && random_() % 2 == 0) return;
    image_.resize(std::max<size_t>(image_.size(), end));
    size_t torn = change.bytes.size();
    if (fate == Fate::kTornWrite && last) torn = random_() % (torn + 1) / 512 * 512;
    for (size_t at = 0; at < torn;) {
      const size_t page = std::min((change.at + at) / 4096 * 4096 + 4096 - change.at, torn);
      if (fate != Fate::kSomePages || random_() % 2 == 0)
        std::copy(change.bytes.begin() + static_cast<std::ptrdiff_t>(at),
                  change.bytes.begin() + static_cast<std::ptrdiff_t>(page),
                  image_.begin() + static_cast<std::ptrdiff_t>(change.at + at));
      at = page;
    }
  }
  std::mt19937 random_;
  std::vector<uint8_t> image_;
};

// Seconds of picture that FFmpeg finds.
double kept(const std::string& path, bool opens) {
  try {
    av::Input input = av::Input::open(path);
    double end = 0;
    while (const auto packet = input.read()) {
      const auto& track = input.tracks()[static_cast<size_t>(packet->track)];
      if (track.type != av::MediaType::kVideo) continue;
      end = std::max(end, static_cast<double>(packet->dts) * track.time_base.value());
    }
    return end;
  } catch (const std::exception& error) {
    CHECK_MESSAGE(!opens, error.what());
    return 0;
  }
}

}  // namespace

TEST_CASE("power cut: what is left opens and lacks three seconds at most") {
  media::Container container = media::Container::kMp4;
  media::RecordingFileOptions options;
  options.reserved = 64 << 10;
  SUBCASE("MP4, the index fits") {}
  SUBCASE("MP4, the area is grown") {
    options.reserved = 16 << 10;
  }
  SUBCASE("MP4, the index goes behind") {
    options.reserved = 16 << 10;
    options.may_insert = false;
  }
  SUBCASE("Matroska") {
    container = media::Container::kMatroska;
  }
  SUBCASE("MPEG-TS") {
    container = media::Container::kMpegts;
  }
  const std::vector<Change> changes = record(container, options);
  size_t first_sync = 0;
  while (changes[first_sync].kind != FileChange::kSync) ++first_sync;
  const char* wanted = std::getenv("STREAM_TEST_PREFIXES");
  const size_t prefixes = (wanted ? std::strtoul(wanted, nullptr, 10) : 1000) / 5;
  TempDir dir;
  const std::string path = dir.path + "/a";
  std::mt19937 random(7);
  Disk disk(11);
  for (size_t n = 0; n < prefixes; ++n) {
    // Half of them in the end, where a file changes most.
    const size_t tail = std::min<size_t>(changes.size() - first_sync - 1, 12);
    const size_t count = n % 2 == 0 ? first_sync + 1 + random() % (changes.size() - first_sync)
                                    : changes.size() - random() % (tail + 1);
    const auto fate = static_cast<Fate>(n / 2 % 4);
    const auto image = disk.after(changes, count, fate);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(image.data()),
               static_cast<std::streamsize>(image.size()));
    // The moment before the next change.
    const double media = count < changes.size() ? changes[count].media : kSeconds;
    const double found = kept(path, true);
    CHECK_MESSAGE(media - found <= kMayLose, "after " << count << " of " << changes.size()
                                                      << ", fate " << static_cast<int>(fate) << ": "
                                                      << found << " of " << media << " s");
  }
}
