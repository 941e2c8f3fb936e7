#include "ladder/writer.h"

#include <algorithm>
#include <cassert>
#include <deque>

#include "av/output.h"
#include "base/log.h"
#include "codec/description.h"
#include "codec/nal.h"
#include "mp4/fragment.h"

namespace stream::media {
namespace {

constexpr std::chrono::milliseconds kPart{500};

bool has_lengths(const std::string& codec) {
  return codec == "h264" || codec == "hevc";
}

class Fmp4Writer : public SegmentWriter {
 public:
  Fmp4Writer(const hls::RenditionOptions& options, std::string name, EventSink event)
      : SegmentWriter(options, std::move(name), std::move(event)) {}

  void begin(const av::Track& track, const av::Track*, EpochPtr epoch) override {
    end();
    start_epoch(std::move(epoch), track.time_base);
    describe(track);
    length_prefixed_ = has_lengths(track.codec);
    source_length_size_ = 0;
    if (length_prefixed_ && !codec::is_annexb(track.extradata)) {
      const size_t at = track.codec == "h264" ? 4 : 21;
      if (track.extradata.size() > at) source_length_size_ = (track.extradata.data()[at] & 3) + 1;
    }
    mp4::TrackConfig config =
        mp4::make_track(1, track.codec, track.extradata, static_cast<uint32_t>(base_.den));
    config.width = track.width;
    config.height = track.height;
    check(rendition_.begin_init(mp4::init_segment({&config, 1})));
  }

  void add(CodedUnit unit) override {
    if (unit.fmp4_dts < 0) return;  // the encoder's priming, before the clock
    if (pending_) {
      settle(std::max<int64_t>(1, unit.fmp4_dts - pending_->dts));
      if (unit.segment != open_segment_)
        publish(unit.packet.pts);
      else if (rescale(part_duration_, base_, kNanosecondBase) >= Nanoseconds(kPart).count())
        flush_part(part_duration_);
    }
    if (open_segment_ < 0) {
      open(unit.segment);
      start_ = unit.packet.pts;
      first_ = unit.fmp4_dts;
      listed_ = 0;
    }
    mp4::Sample sample;
    sample.dts = unit.fmp4_dts;
    sample.pts = unit.packet.pts;
    newest_ = std::max(newest_, sample.pts);
    sample.key = unit.packet.key;
    sample.data = packaged(unit.packet.data);
    pending_ = std::move(sample);
  }

  void end() override {
    if (pending_)
      settle(std::max<int64_t>(1, newest_ + nominal_duration_ - start_ - (pending_->dts - first_)));
    if (open_segment_ >= 0) publish(newest_ + nominal_duration_);
    newest_ = INT64_MIN;
  }

 private:
  Buffer packaged(const Buffer& data) const {
    if (!length_prefixed_ || source_length_size_ == 4) return data;
    if (source_length_size_ == 0 || codec::is_annexb(data))
      return codec::annexb_to_length_prefixed(data);
    const auto annexb = codec::length_prefixed_to_annexb(data, source_length_size_);
    return annexb ? codec::annexb_to_length_prefixed(*annexb) : data;
  }
  // The pending sample's duration is known: it joins the part, which may be full with it.
  void settle(int64_t duration) {
    pending_->duration = static_cast<uint32_t>(duration);
    if (run_.samples.empty()) part_duration_ = 0;
    run_.samples.push_back(std::move(*pending_));
    pending_.reset();
    part_duration_ += duration;
  }
  void flush_part(int64_t duration) {
    const mp4::Fragment fragment = mp4::make_fragment(++sequence_, {&run_, 1});
    const bool independent = run_.samples.front().key;
    check(rendition_.add_part(fragment.header, fragment.payload,
                              Nanoseconds(rescale(duration, base_, kNanosecondBase)), independent));
    run_.samples.clear();
    listed_ += duration;
  }
  // A segment lasts from its first presentation time to that of the next: its last part says so.
  void publish(int64_t end) {
    flush_part(std::max<int64_t>(1, end - start_ - listed_));
    close(start_);
  }

  bool length_prefixed_ = false;
  int source_length_size_ = 0;  // 0: Annex B
  std::optional<mp4::Sample> pending_;
  mp4::TrackRun run_;
  int64_t part_duration_ = 0, start_ = 0, first_ = 0, newest_ = INT64_MIN;
  int64_t listed_ = 0;  // of the open segment, in parts that were written
  uint32_t sequence_ = 0;
};

// libavformat's muxer keeps running over the segments, so that continuity counters go on.
class TsWriter : public SegmentWriter {
 public:
  TsWriter(const hls::RenditionOptions& options, std::string name, EventSink event)
      : SegmentWriter(options, std::move(name), std::move(event)) {}

  void begin(const av::Track& track, const av::Track* sound, EpochPtr epoch) override {
    end();
    start_epoch(std::move(epoch), kLadderBase);
    describe(track);
    av::Tracks tracks{track};
    if (sound) {
      tracks.push_back(*sound);
      sound_base_ = sound->time_base;
      if (const auto d = codec::describe(sound->codec, sound->extradata))
        codecs_ += (codecs_.empty() ? "" : ",") + d->rfc6381;
    }
    has_sound_ = sound != nullptr;
    if (track.type == av::MediaType::kAudio)
      picture_base_ = track.time_base;
    else
      picture_base_ = kLadderBase;
    output_ = std::make_unique<av::Output>("mpegts", tracks, [this](Bytes bytes) {
      bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    });
  }
  void add(CodedUnit unit) override {
    newest_ = ticks(unit.packet.dts, picture_base_);
    pictures_.push_back(std::move(unit));
    drain(false);
  }
  void add_sound(av::Packet packet) override {
    if (!output_ || !has_sound_ || ticks(packet.pts, sound_base_) < epoch_->origin) return;
    packet.track = 1;
    sounds_.push_back(std::move(packet));
    drain(false);
  }
  void end() override {
    if (!output_) return;
    drain(true);
    if (open_segment_ >= 0) publish(end_ + nominal_duration_);
    output_->finish();
    bytes_.clear();
    output_.reset();
  }

 private:
  // Sound that lags further behind than this does not hold the picture back.
  static constexpr int64_t kPatience = 3 * kLadderSecond;
  // Players take a start away from 0 for granted; decoding times may lie before the first picture.
  static constexpr int64_t kShift = kLadderSecond;

  static int64_t ticks(int64_t time, Rational base) { return rescale(time, base, kLadderBase); }

  void drain(bool all) {
    while (!pictures_.empty() || !sounds_.empty()) {
      if (pictures_.empty()) {
        if (!all) return;  // the picture decides where segments begin
        write_sound();
      } else if (sounds_.empty()) {
        const int64_t waiting = newest_ - ticks(pictures_.front().packet.dts, picture_base_);
        if (has_sound_ && !all && waiting < kPatience) return;
        write_picture();
      } else if (ticks(sounds_.front().dts, sound_base_) <
                 ticks(pictures_.front().packet.dts, picture_base_)) {
        write_sound();
      } else {
        write_picture();
      }
    }
  }
  void write_picture() {
    CodedUnit unit = std::move(pictures_.front());
    pictures_.pop_front();
    const int64_t pts = ticks(unit.packet.pts, picture_base_);
    if (unit.segment != open_segment_) {
      if (open_segment_ >= 0) publish(pts);
      open(unit.segment);
      start_ = pts;
      output_->restart_headers();
    }
    end_ = std::max(end_, pts);
    put(std::move(unit.packet), 0, picture_base_);
  }
  void write_sound() {
    av::Packet packet = std::move(sounds_.front());
    sounds_.pop_front();
    if (open_segment_ < 0) return;  // before the first picture
    put(std::move(packet), 1, sound_base_);
  }
  void put(av::Packet packet, int track, Rational base) {
    packet.track = track;
    const int64_t shift = rescale(kShift, kLadderBase, base);
    packet.pts += shift;
    packet.dts += shift;
    if (packet.dts >= 0) output_->write(packet);
  }
  void publish(int64_t end) {
    const Nanoseconds duration(rescale(end - start_, kLadderBase, kNanosecondBase));
    const Buffer whole = Buffer::copy(bytes_);
    check(rendition_.add_part(whole, {}, duration, true));
    bytes_.clear();
    close(start_);
    end_ = INT64_MIN;
  }

  std::unique_ptr<av::Output> output_;
  std::vector<uint8_t> bytes_;
  std::deque<CodedUnit> pictures_;
  std::deque<av::Packet> sounds_;
  Rational picture_base_ = kLadderBase, sound_base_{1, 48000};
  bool has_sound_ = false;
  int64_t newest_ = 0, start_ = 0, end_ = INT64_MIN;
};

}  // namespace

std::unique_ptr<SegmentWriter> SegmentWriter::make(const hls::RenditionOptions& options,
                                                   const std::string& name, EventSink event) {
  if (options.format == hls::Format::kTs)
    return std::make_unique<TsWriter>(options, name, std::move(event));
  return std::make_unique<Fmp4Writer>(options, name, std::move(event));
}

SegmentWriter::SegmentWriter(const hls::RenditionOptions& options, std::string name,
                             EventSink event)
    : rendition_(options),
      segment_(options.segment),
      directory_(options.directory.string()),
      name_(std::move(name)),
      event_(std::move(event)) {}

void SegmentWriter::describe(const av::Track& track) {
  const auto description = codec::describe(track.codec, track.extradata);
  codecs_ = description ? description->rfc6381 : "";
}

void SegmentWriter::start_epoch(EpochPtr epoch, Rational time_base) {
  epoch_ = std::move(epoch);
  base_ = time_base;
  if (epoch_->discontinuity) rendition_.discontinuity();
}

void SegmentWriter::skip_until(const Epoch& epoch, int64_t n) {
  if (open_segment_ >= 0) return;
  check(rendition_.align(epoch.base_sequence + static_cast<uint64_t>(n), segment_));
}

void SegmentWriter::open(int64_t segment) {
  assert(open_segment_ < 0);
  open_segment_ = segment;
  rendition_.align(epoch_->base_sequence + static_cast<uint64_t>(segment), segment_);
}

void SegmentWriter::close(int64_t start) {
  const int64_t origin = rescale(epoch_->origin, kLadderBase, base_);
  const Nanoseconds since(rescale(start - origin, base_, kNanosecondBase));
  open_segment_ = -1;
  const bool written = rendition_.end_segment(
      epoch_->anchor + std::chrono::duration_cast<hls::WallTime::duration>(since));
  check(written);
  if (!written) return;
  const hls::Segment& s = rendition_.playlist().segments.back();
  event_("segment.written",
         {{"rung", name_},
          {"sequence", static_cast<int64_t>(rendition_.next_sequence() - 1)},
          {"path", directory_ + "/" + s.uri},
          {"duration_seconds", std::chrono::duration<double>(s.duration).count()},
          {"bytes", static_cast<int64_t>(s.bytes)}});
}

void SegmentWriter::check(bool written) {
  if (!written) {
    if (lost_++ == 0) {
      log::error("rendition " + name_ + ": " + rendition_.error() +
                 "; the ladder goes on, this segment is a gap");
      event_("file.failed",
             {{"path", directory_}, {"reason", rendition_.error()}, {"error", "segment.lost"}});
    }
  } else if (lost_ > 0 && open_segment_ < 0) {
    lost_ = 0;
    log::warning("rendition " + name_ + ": writing again");
    event_("file.recovered", {{"path", directory_}});
  }
}

void SegmentWriter::finish() {
  end();
  check(rendition_.finish());
}

}  // namespace stream::media
