#include "record/file_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "av/input.h"
#include "base/error.h"
#include "codec/description.h"
#include "codec/nal.h"
#include "mp4/reader.h"
#include "os/fd.h"

namespace stream::media {

namespace {

constexpr uint32_t kMaxSample = 256 << 20;

size_t read_at(int fd, uint64_t offset, std::span<uint8_t> out) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t n =
        ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

class Mp4Source : public FileSource {
 public:
  Mp4Source(os::Fd fd, uint64_t size)
      : fd_(std::move(fd)), reader_(size, [this](uint64_t offset, std::span<uint8_t> out) {
          return read_at(fd_.get(), offset, out);
        }) {}

  // False when the file has no index that we understand.
  bool open() {
    if (!reader_.open()) return false;
    for (const mp4::ReadTrack& read : reader_.tracks()) {
      if (read.codec.empty()) {
        index_.push_back(-1);
        continue;
      }
      index_.push_back(static_cast<int>(tracks_.size()));
      tracks_.push_back(to_track(read));
      broken_.push_back(false);
    }
    return true;
  }

  const av::Tracks& tracks() const override { return tracks_; }
  bool damaged() const override { return damaged_ || reader_.damaged(); }

  std::optional<av::Packet> read() override {
    while (const auto sample = reader_.next()) {
      const int index = index_[sample->track];
      if (index < 0) continue;
      const auto track = static_cast<size_t>(index);
      av::Packet packet;
      packet.track = index;
      packet.dts = sample->dts;
      packet.pts = sample->pts;
      packet.duration = sample->duration;
      packet.key = sample->key;
      packet.data = load(*sample);
      // Pictures after a damaged one are good again from the next keyframe on.
      const bool good = !packet.data.empty() && !(broken_[track] && !packet.key);
      broken_[track] = !good && tracks_[track].type == av::MediaType::kVideo;
      if (good) return packet;
      damaged_ = true;
    }
    return std::nullopt;
  }

 private:
  static av::Track to_track(const mp4::ReadTrack& read) {
    av::Track track;
    track.type = read.video ? av::MediaType::kVideo : av::MediaType::kAudio;
    track.codec = read.codec;
    track.time_base = {1, read.timescale};
    std::vector<uint8_t> extradata = read.extradata;
    const size_t lengths = read.codec == "h264" ? 4 : 21;  // lengthSizeMinusOne, 14496-15
    if ((read.codec == "h264" || read.codec == "hevc") && extradata.size() > lengths)
      extradata[lengths] |= 3;
    track.extradata = Buffer::copy(extradata);
    track.width = read.width;
    track.height = read.height;
    track.sample_rate = read.sample_rate;
    track.channels = read.channels;
    if (const auto d = codec::describe(read.codec, extradata)) {
      if (d->sample_rate > 0) track.sample_rate = d->sample_rate;
      if (d->channels > 0) track.channels = d->channels;
      if (d->sar.known()) track.sample_aspect = d->sar;
      if (d->frame_rate.known()) track.frame_rate = d->frame_rate;
      track.frame_samples = d->frame_samples;
      track.reorder = std::max(d->reorder_frames, 0);
    }
    return track;
  }

  // Empty when the sample is not what it should be: blocks that never reached the disk are zeros.
  Buffer load(const mp4::ReadSample& sample) {
    if (sample.size > kMaxSample) return {};
    BufferBuilder builder(sample.size);
    if (read_at(fd_.get(), sample.offset, {builder.data(), builder.size()}) != sample.size)
      return {};
    Buffer data = std::move(builder).finish();
    const mp4::ReadTrack& track = reader_.tracks()[sample.track];
    if (track.codec != "h264" && track.codec != "hevc") {
      const bool zeros = std::all_of(data.begin(), data.end(), [](uint8_t b) { return b == 0; });
      return zeros ? Buffer() : data;
    }
    const auto units = codec::split_length_prefixed(data, track.length_size);
    // No NAL unit ends with a zero (H.264 and H.265 7.4.1).
    if (!units || units->empty() || units->back().empty() || units->back().back() == 0) return {};
    if (track.length_size == 4) return data;
    ByteWriter out;
    for (const Bytes unit : *units) {
      out.u32(static_cast<uint32_t>(unit.size()));
      out.bytes(unit);
    }
    return Buffer::copy(out.view());
  }

  const os::Fd fd_;
  mp4::Reader reader_;
  av::Tracks tracks_;
  std::vector<int> index_;
  std::vector<bool> broken_;
  bool damaged_ = false;
};

class AvSource : public FileSource {
 public:
  explicit AvSource(const std::string& path) : input_(av::Input::open(path)) {}
  const av::Tracks& tracks() const override { return input_.tracks(); }
  bool damaged() const override { return damaged_; }
  std::optional<av::Packet> read() override {
    const size_t known = known_ == 0 ? known_ = input_.tracks().size() : known_;
    for (;;) {
      std::optional<av::Packet> packet;
      try {
        packet = input_.read();
      } catch (const Error&) {
        damaged_ = true;
      }
      if (!packet) return std::nullopt;
      if (packet->dts != kNoTime && packet->pts != kNoTime &&
          static_cast<size_t>(packet->track) < known)
        return packet;
      damaged_ = true;
    }
  }

 private:
  av::Input input_;
  size_t known_ = 0;
  bool damaged_ = false;
};

bool is_mp4(int fd) {
  uint8_t head[12] = {};
  if (read_at(fd, 0, head) != sizeof head) return false;
  const std::string_view type(reinterpret_cast<const char*>(head) + 4, 4);
  for (const char* name : {"ftyp", "moov", "moof", "mdat", "free", "styp", "skip", "wide"}) {
    if (type == name) return true;
  }
  return false;
}

}  // namespace

std::unique_ptr<FileSource> open_source(const std::string& path) {
  os::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0) throw_errno("read", path, errno);
  if (S_ISREG(info.st_mode) && is_mp4(fd.get())) {
    auto source = std::make_unique<Mp4Source>(std::move(fd), static_cast<uint64_t>(info.st_size));
    if (source->open()) return source;
  }
  return std::make_unique<AvSource>(path);
}

std::optional<Mp4Summary> summarize_mp4(const std::string& path) {
  const os::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !is_mp4(fd.get())) return std::nullopt;
  mp4::Reader reader(
      static_cast<uint64_t>(info.st_size),
      [&](uint64_t offset, std::span<uint8_t> out) { return read_at(fd.get(), offset, out); });
  if (!reader.open()) return std::nullopt;
  Mp4Summary summary;
  summary.samples.resize(reader.tracks().size());
  Nanoseconds first = Nanoseconds::max(), end{};
  while (const auto sample = reader.next()) {
    const Rational base{1, reader.tracks()[sample->track].timescale};
    ++summary.samples[sample->track];
    first = std::min(first, Nanoseconds(rescale(sample->pts, base, kNanosecondBase)));
    end =
        std::max(end, Nanoseconds(rescale(sample->pts + sample->duration, base, kNanosecondBase)));
  }
  if (first < end) summary.duration = end - first;
  return summary;
}

}  // namespace stream::media
