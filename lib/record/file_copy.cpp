#include "record/file_copy.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "record/exact_cut.h"
#include "record/file_source.h"
#include "record/file_target.h"

namespace stream::media {

namespace {

// Read ahead until every track has shown its first packet.
constexpr size_t kPeek = 2000;

// A file whose first packets are known.
class Opened {
 public:
  explicit Opened(const std::string& path)
      : source_(open_source(path)), tracks_(source_->tracks()) {
    first_.assign(tracks_.size(), Nanoseconds::max());
    size_t seen = 0;
    while (held_.size() < kPeek && seen < tracks_.size()) {
      auto packet = source_->read();
      if (!packet) break;
      Nanoseconds& first = first_[static_cast<size_t>(packet->track)];
      if (first == Nanoseconds::max()) ++seen;
      const av::Track& track = tracks_[static_cast<size_t>(packet->track)];
      first = std::min(first, to_time(packet->dts, track));
      start_ = std::min(start_, to_time(packet->pts, track));
      held_.push_back(std::move(*packet));
    }
  }
  std::optional<av::Packet> read() {
    if (held_.empty()) return source_->read();
    av::Packet packet = std::move(held_.front());
    held_.pop_front();
    return packet;
  }
  const av::Tracks& tracks() const { return tracks_; }
  Nanoseconds first(size_t track) const { return first_[track]; }  // max(): none
  Nanoseconds start() const { return start_; }                     // as shown
  bool damaged() const { return source_->damaged(); }

 private:
  std::unique_ptr<FileSource> source_;
  const av::Tracks tracks_;
  std::deque<av::Packet> held_;
  std::vector<Nanoseconds> first_;
  Nanoseconds start_ = Nanoseconds::max();
};

bool same_codecs(const av::Tracks& a, const av::Tracks& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const av::Track& x, const av::Track& y) {
        return x.codec == y.codec && x.extradata == y.extradata && x.width == y.width &&
               x.height == y.height && x.sample_rate == y.sample_rate && x.channels == y.channels;
      });
}

// Chooses the packets of a part: from the keyframe before `from` on, up to `to`.
class Part {
 public:
  Part(const CopyOptions& options, const av::Tracks& tracks, Nanoseconds start)
      : tracks_(tracks), from_(options.from), to_(options.to), start_(start) {
    video_ = std::find_if(tracks.begin(), tracks.end(),
                          [](const av::Track& t) { return t.type == av::MediaType::kVideo; }) -
             tracks.begin();
    begun_ = !from_;
  }

  // The packets to be written now. `packet` is taken.
  std::deque<av::Packet> take(av::Packet packet) {
    const av::Track& track = tracks_[static_cast<size_t>(packet.track)];
    const bool picture = packet.track == video_;
    const Nanoseconds dts = to_time(packet.dts, track) - start_,
                      pts = to_time(packet.pts, track) - start_;
    if (to_ && dts >= *to_) {
      beyond_ = std::max(beyond_, dts - *to_);
      return {};
    }
    if (begun_) return {std::move(packet)};
    if (picture && packet.key && pts <= *from_) drop_before(pts);
    const bool alone = static_cast<size_t>(video_) == tracks_.size();
    if (alone && pts + to_time(packet.duration, track) <= *from_) return {};
    bytes_ += packet.data.size();
    if (bytes_ > kMaxGroupBytes)
      throw Error(Exit::kInputDamaged, "input.read", "there is no keyframe to begin a part with");
    held_.push_back(std::move(packet));
    if (!alone && !(picture && dts >= *from_)) return {};
    begun_ = true;
    return std::exchange(held_, {});
  }
  bool done() const { return beyond_ > std::chrono::seconds(2); }

 private:
  void drop_before(Nanoseconds key) {
    std::deque<av::Packet> kept;
    for (av::Packet& packet : held_) {
      const av::Track& track = tracks_[static_cast<size_t>(packet.track)];
      if (packet.track != video_ && to_time(packet.pts, track) - start_ >= key)
        kept.push_back(std::move(packet));
    }
    held_ = std::move(kept);
    bytes_ = 0;
  }

  const av::Tracks& tracks_;
  const std::optional<Nanoseconds> from_, to_;
  const Nanoseconds start_;
  std::ptrdiff_t video_ = 0;
  bool begun_ = false;
  size_t bytes_ = 0;
  std::deque<av::Packet> held_;
  Nanoseconds beyond_ = Nanoseconds::min();
};

}  // namespace

CopyResult copy_files(const std::vector<std::string>& inputs, const std::string& output,
                      const CopyOptions& options) {
  std::optional<Opened> file(std::in_place, inputs.at(0));
  std::optional<ExactCut> exact;
  if (options.exact) exact.emplace(file->tracks(), options.from, options.to, file->start());
  const av::Tracks tracks = exact ? exact->tracks() : file->tracks();
  FileTarget target(output, options.container, tracks);
  Part part(options, tracks, file->start());
  std::vector<Nanoseconds> ends(tracks.size(), Nanoseconds::min());
  bool damaged = false;
  uint64_t read = 0;
  for (size_t n = 0;;) {
    // What comes is moved so that every track goes on where it ended, or later.
    Nanoseconds offset{};
    if (n > 0) {
      offset = Nanoseconds::min();
      for (size_t i = 0; i < tracks.size(); ++i) {
        if (file->first(i) != Nanoseconds::max() && ends[i] != Nanoseconds::min())
          offset = std::max(offset, ends[i] - file->first(i));
      }
      if (offset == Nanoseconds::min()) offset = {};
    }
    while (auto packet = file->read()) {
      const auto index = static_cast<size_t>(packet->track);
      const av::Track &from = file->tracks()[index], &to = tracks[index];
      packet->dts = rescale(packet->dts, from.time_base, to.time_base);
      packet->pts = rescale(packet->pts, from.time_base, to.time_base);
      packet->duration = rescale(packet->duration, from.time_base, to.time_base);
      const int64_t shift = rescale(offset.count(), kNanosecondBase, to.time_base);
      packet->dts += shift;
      packet->pts += shift;
      ends[index] = std::max(ends[index], to_time(packet->dts + packet->duration, to));
      read += packet->data.size();
      if (options.progress) options.progress(read);
      auto chosen = exact ? exact->take(std::move(*packet)) : part.take(std::move(*packet));
      for (av::Packet& one : chosen) target.add(std::move(one));
      if (part.done() || (exact && exact->done())) break;
    }
    damaged |= file->damaged();
    if (++n == inputs.size()) break;
    file.emplace(inputs[n]);
    if (!same_codecs(file->tracks(), tracks))
      throw Error(Exit::kUnsupported, "record.different",
                  escaped(inputs[n]) + " has other codecs than " + escaped(inputs[0]),
                  "join files of the same codecs and sizes; others need encoding");
  }
  if (exact) {
    for (av::Packet& packet : exact->rest()) target.add(std::move(packet));
  }
  CopyResult result = target.finish();
  result.damaged = damaged;
  return result;
}

}  // namespace stream::media
