#include "ladder/sound.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "ladder/master.h"

namespace stream::media {
namespace {

constexpr Rational kSamples = SoundCoder::kSamples;
constexpr size_t kSoundItems = 512;
// How far sound may lag the picture in the input's interleaving before it counts as missing.
constexpr int64_t kMaxLag = 3 * kLadderSecond;
// Sound that ends this much before the picture is filled up.
constexpr int64_t kEndLag = kLadderSecond / 2;

int64_t samples(int64_t ticks) {
  return rescale(ticks, kLadderBase, kSamples);
}

}  // namespace

SoundPath::SoundPath(int64_t bit_rate, Nanoseconds segment,
                     const std::optional<hls::RenditionOptions>& files, PacketSink sink,
                     PacketSink bus, MasterBook& master, EventSink event)
    : bit_rate_(bit_rate),
      sink_(std::move(sink)),
      bus_(std::move(bus)),
      master_(master),
      event_(std::move(event)),
      coder_(bit_rate),
      writer_(files ? SegmentWriter::make(*files, "audio", event_) : nullptr),
      segment_(segment),
      meter_(segment),
      queue_(kSoundItems) {
  if (writer_) writer_->set_nominal_duration(coder_.frame_samples());
  thread_ = std::thread([this] { run(); });
}

SoundPath::~SoundPath() {
  queue_.stop();
  join();
}

void SoundPath::join() {
  if (thread_.joinable()) thread_.join();
}

void SoundPath::run() {
  while (auto item = queue_.pop()) {
    std::visit([this](auto& what) { handle(what); }, *item);
    drain();
  }
  coder_.finish();
  drain();
  release(true);
  if (writer_) {
    writer_->finish();
    report();
  }
}

void SoundPath::handle(Begin& begin) {
  coder_.start(samples(begin.epoch->origin));
  drain();  // belongs to the epoch before
  if (writer_) begins_.push_back(std::move(begin));
}

void SoundPath::handle(Source& source) {
  coder_.source(source.track);
}

void SoundPath::handle(av::Packet& packet) {
  coder_.send(packet);
}

void SoundPath::handle(Progress& progress) {
  const int64_t until = samples(progress.pts - (progress.end ? 0 : kMaxLag));
  const int64_t slack = progress.end ? samples(kEndLag) : 0;
  if (coder_.started() && coder_.position() + slack < until) coder_.fill_until(until);
}

void SoundPath::drain() {
  while (auto packet = coder_.receive()) {
    if (bus_) bus_(*packet);
    if (sink_) sink_(*packet);
    if (writer_)
      held_.push_back(std::move(*packet));
    else
      meter(*packet);
  }
  release(false);
}

// What lies before a cut that is not told yet may still belong to either side.
void SoundPath::release(bool all) {
  while (!held_.empty() && !begins_.empty()) {
    const int64_t pts = rescale(held_.front().pts, kSamples, kLadderBase);
    if (begins_.size() > 1 && pts >= begins_[1].epoch->origin) {
      begins_.pop_front();
      begun_ = false;
      continue;
    }
    if (!all && begins_.size() == 1 && !begins_.front().grid->known(pts)) return;
    write(std::move(held_.front()));
    held_.pop_front();
  }
}

void SoundPath::write(av::Packet packet) {
  if (!begun_) writer_->begin(coder_.track(), nullptr, begins_.front().epoch);
  begun_ = true;
  const int64_t pts = rescale(packet.pts, kSamples, kLadderBase);
  CodedUnit unit;
  unit.fmp4_dts = packet.pts;
  unit.segment = begins_.front().grid->index(pts);
  unit.packet = std::move(packet);
  writer_->add(std::move(unit));
  note(pts);
  report();
}

void SoundPath::note(int64_t pts) {
  std::lock_guard lock(mutex_);
  status_.position = pts;
  status_.packets++;
  status_.silence_seconds = coder_.silence_seconds();
  status_.dropped_seconds = coder_.dropped_seconds();
  status_.damaged = coder_.damaged();
}

void SoundPath::meter(const av::Packet& packet) {
  const int64_t pts = rescale(packet.pts, kSamples, kLadderBase);
  note(pts);
  const int64_t n = rescale(pts, kLadderBase, kNanosecondBase) / segment_.count();
  if (!meter_.add(n, pts, packet.data.size())) return;
  std::lock_guard lock(mutex_);
  status_.rates = meter_.rates();
}

void SoundPath::report() {
  const hls::Rendition& rendition = writer_->rendition();
  const uint64_t next = rendition.next_sequence();
  if (next == reported_) return;
  reported_ = next;
  MasterBook::Entry entry;
  entry.audio = true;
  entry.codecs = writer_->codecs();
  entry.channels = SoundCoder::kChannels;
  entry.bit_rate = bit_rate_;
  entry.rates = rendition.rates();
  {
    std::lock_guard lock(mutex_);
    status_.segments = rendition.playlist().segments.size();
    status_.rates = entry.rates;
  }
  if (!rendition.playlist().segments.empty()) master_.update("audio", entry);
}

SoundStatus SoundPath::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace stream::media
