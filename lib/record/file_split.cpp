#include "record/file_split.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace stream::media {

namespace {

// What a file costs beside its packets, from above: a sample in its fragment's head and in the
// index, a fragment's head, the file's.
constexpr uint64_t kPerSample = 48, kIndexPerSample = 32, kPerFragment = 512;
constexpr uint64_t kReserved = 32 << 10, kPerFile = kReserved + (32 << 10);

// A run of packets that can't be cut: from a keyframe to before the next.
struct Group {
  SplitPart part;
  Nanoseconds from = Nanoseconds::max(), to = Nanoseconds::min();

  void add(const av::Packet& packet, const av::Track& track) {
    from = std::min(from, to_time(packet.pts, track));
    to = std::max(to, to_time(packet.pts + packet.duration, track));
    ++part.packets;
    part.bytes += packet.data.size() + kPerSample;
  }
  uint64_t size() const {
    if (part.packets == 0) return 0;
    const auto fragments = static_cast<uint64_t>((to - from) / Writer::kShortest) + 2;
    return part.bytes + std::min(fragments, part.packets) * kPerFragment;
  }
};

}  // namespace

FileSplit::FileSplit(std::string path, uint64_t max_bytes,
                     std::function<void(uint64_t bytes)> progress)
    : path_(std::move(path)), progress_(std::move(progress)), source_(open_source(path_)) {
  for (const av::Track& track : source_->tracks()) {
    if (track.type == av::MediaType::kVideo || sound_for(Container::kMp4, track.codec).empty())
      make_writer(Container::kMp4, {track});  // to fail now when MP4 can't hold it
  }
  plan(max_bytes);
  source_ = open_source(path_);
}

std::optional<av::Packet> FileSplit::read() {
  auto packet = source_->read();
  if (packet) read_ += packet->data.size();
  if (packet && progress_) progress_(read_);
  return packet;
}

void FileSplit::plan(uint64_t max_bytes) {
  const av::Tracks tracks = source_->tracks();
  const bool pictures = std::any_of(tracks.begin(), tracks.end(), [](const av::Track& t) {
    return t.type == av::MediaType::kVideo;
  });
  Nanoseconds start = Nanoseconds::max();
  Group group;
  const auto close = [&] {
    if (group.part.packets == 0) return;
    start = std::min(start, group.from);
    const uint64_t size = group.size();
    if (size + kPerFile > max_bytes) {
      throw Error(Exit::kUnsupported, "record.group",
                  escaped(path_) + ": from one keyframe to the next there are " +
                      std::to_string(size) + " bytes, more than a part of " +
                      std::to_string(max_bytes) + " holds",
                  "record with a keyframe every few seconds, or choose larger parts");
    }
    if (parts_.empty() || parts_.back().bytes + size > max_bytes)
      parts_.push_back({group.from - start, {}, 0, kPerFile});
    SplitPart& part = parts_.back();
    part.to = std::max(part.to, group.to - start);
    part.packets += group.part.packets;
    part.bytes += size;
    group = {};
  };
  while (const auto packet = read()) {
    const av::Track& track = tracks[static_cast<size_t>(packet->track)];
    if (packet->key && (!pictures || track.type == av::MediaType::kVideo)) close();
    group.add(*packet, track);
  }
  close();
  if (parts_.empty()) {
    throw Error(Exit::kInputDamaged, "record.empty", escaped(path_) + " holds no media",
                "check it with ffprobe");
  }
}

CopyResult FileSplit::write_next(const std::string& output) {
  const SplitPart& part = parts_.at(next_++);
  RecordingFileOptions options;
  options.reserved = kReserved + part.packets * kIndexPerSample;
  FileTarget target(output, Container::kMp4, source_->tracks(), options);
  for (uint64_t n = 0; n < part.packets; ++n) {
    auto packet = read();
    if (!packet) {
      throw Error(Exit::kInputDamaged, "record.changed",
                  escaped(path_) + " became shorter while it was split",
                  "try again when it is finished");
    }
    target.add(std::move(*packet));
  }
  CopyResult result = target.finish();
  result.damaged = source_->damaged();
  return result;
}

}  // namespace stream::media
