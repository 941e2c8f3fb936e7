#include "record/mux_writer.h"

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/log.h"
#include "codec/description.h"

namespace stream::media {

namespace {

// What a container puts round the packets at most: MPEG-TS starts each in packets of its own.
constexpr uint64_t kPerPacket = 600, kPerWrite = 16 << 10;
constexpr uint64_t kTail = 64 << 10, kPerKey = 40;  // an index of Matroska

}  // namespace

MuxWriter::MuxWriter(Container container, const av::Tracks& tracks) : container_(container) {
  for (const av::Track& track : tracks) states_.push_back({track, kNoTime, 0, 0});
  if (container == Container::kWebm) {
    for (const av::Track& track : tracks) {
      const bool good = track.type == av::MediaType::kVideo
                            ? track.codec == "vp8" || track.codec == "vp9" || track.codec == "av1"
                            : track.codec == "opus" || track.codec == "vorbis";
      if (good) continue;
      throw Error(Exit::kUnsupported, "output.format",
                  "WebM holds VP8, VP9, AV1, Opus and Vorbis, not " + track.codec,
                  "record into mkv, which holds everything");
    }
  }
  av::Output(container_name(container), tracks, [](Bytes) {});  // says no early
}

void MuxWriter::reconfigure(const av::Track& track, int index) {
  states_.at(static_cast<size_t>(index)).track = track;
}

Nanoseconds MuxWriter::time(const av::Packet& packet, int64_t ticks) const {
  return Nanoseconds(rescale(ticks, state(packet.track).track.time_base, kNanosecondBase));
}

bool MuxWriter::due(const av::Packet& packet) const {
  if (packets_.empty()) return false;
  const Nanoseconds span = time(packet, packet.dts) - first_held_;
  const bool video = state(packet.track).track.type == av::MediaType::kVideo;
  return span >= kLongest || (video && packet.key && span >= kShortest);
}

bool MuxWriter::add(const av::Packet& packet) {
  State& state = states_.at(static_cast<size_t>(packet.track));
  if (state.last_dts != kNoTime && packet.dts <= state.last_dts) return false;
  if (state.last_dts != kNoTime) state.last_duration = packet.dts - state.last_dts;
  state.last_dts = packet.dts;
  ++state.samples;
  if (packets_.empty()) first_held_ = time(packet, packet.dts);
  packet_bytes_ += packet.data.size();
  keys_ += packet.key && state.track.type == av::MediaType::kVideo;
  packets_.push_back(packet);
  const int64_t length = packet.duration > 0 ? packet.duration : state.last_duration;
  end_ = std::max(end_, time(packet, packet.pts + length));
  return true;
}

void MuxWriter::create(const std::string& path, const RecordingFileOptions& options) {
  base_ = Nanoseconds::max();
  for (const av::Packet& packet : packets_) {
    const int64_t earliest =
        container_ == Container::kMpegts ? std::min(packet.dts, packet.pts) : packet.pts;
    base_ = std::min(base_, time(packet, earliest));
  }
  file_ = std::make_unique<GrowingFile>(path, options.on_change);
  av::Tracks tracks;
  for (const State& state : states_) tracks.push_back(state.track);
  av::Output::Seek seek;
  if (container_ != Container::kMpegts) seek = [this](uint64_t to) { position_ = to; };
  output_.emplace(
      container_name(container_), tracks, [this](Bytes bytes) { take(bytes); }, std::move(seek));
  int error = file_->make_room(kPerWrite, kTail);
  if (error == 0) error = drain();
  if (error == 0) error = file_->publish();
  if (error == 0) return;
  output_.reset();
  if (error == EEXIST)
    throw Error(Exit::kNo, "record.exists", path + " exists and is not overwritten");
  throw_errno("write", path, error,
              is_full(error) ? "free some space or choose another directory with -o" : "");
}

void MuxWriter::take(Bytes bytes) {
  if (pieces_.empty() || pieces_.back().at + pieces_.back().bytes.size() != position_)
    pieces_.push_back({position_, {}});
  pieces_.back().bytes.insert(pieces_.back().bytes.end(), bytes.begin(), bytes.end());
  position_ += bytes.size();
}

int MuxWriter::drain() {
  int error = 0;
  for (const Piece& piece : pieces_) {
    if (error == 0) error = file_->put(piece.at, piece.bytes);
  }
  pieces_.clear();
  return error;
}

Writer::Result MuxWriter::write() {
  const std::vector<av::Packet> packets = std::exchange(packets_, {});
  const uint64_t bound =
      packet_bytes_ + packet_bytes_ / 16 + packets.size() * kPerPacket + kPerWrite;
  packet_bytes_ = 0;
  // Seen before the container writes, which can't take back what it has counted.
  const int room = file_->make_room(bound, kTail + keys_ * kPerKey);
  if (room != 0 && file_->end() + bound + keys_ * kPerKey > file_->held()) return {false, room};
  for (av::Packet packet : packets) {
    const Rational base = state(packet.track).track.time_base;
    const int64_t shift = rescale(base_.count(), kNanosecondBase, base);
    packet.dts -= shift;
    packet.pts -= shift;
    try {
      output_->write(packet);
    } catch (const Error& error) {  // one packet that the container refuses ends no recording
      log::debug(error.what());
      --states_[static_cast<size_t>(packet.track)].samples;
    }
  }
  output_->flush();
  const int error = drain();
  return {error == 0, error != 0 ? error : room};
}

int MuxWriter::finish() {
  output_->finish();
  int error = drain();
  if (error == 0) error = file_->release_tail();
  if (error == 0) error = file_->sync();
  return error;
}

Nanoseconds MuxWriter::duration() const {
  return file_ ? std::max(end_ - base_, Nanoseconds(0)) : Nanoseconds(0);
}

std::string MuxWriter::codec_string(int track) const {
  const auto described = codec::describe(state(track).track.codec, state(track).track.extradata);
  return described ? described->rfc6381 : std::string();
}

}  // namespace stream::media
