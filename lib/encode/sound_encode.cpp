#include "encode/sound_encode.h"

#include <cstdlib>

#include "base/error.h"
#include "base/log.h"

namespace stream::media {
namespace {

constexpr size_t kItems = 512;

}  // namespace

SoundEncode::SoundEncode(const av::Track& track, int64_t bit_rate, Sink sink)
    : bit_rate_(bit_rate),
      sink_(std::move(sink)),
      coder_(std::make_unique<SoundCoder>(bit_rate)),
      track_(coder_->track()),
      queue_(kItems) {
  source(track);
  thread_ = std::thread([this] { run(); });
}

SoundEncode::~SoundEncode() {
  queue_.stop();
  thread_.join();
}

void SoundEncode::source(const av::Track& track) {
  base_ = track.time_base;
  Item item = track;
  queue_.try_push(item);
}

void SoundEncode::push(const av::Packet& packet, Nanoseconds shift) {
  av::Packet moved = packet;
  moved.pts = rescale(packet.pts, base_, SoundCoder::kSamples) +
              rescale(shift.count(), kNanosecondBase, SoundCoder::kSamples);
  moved.dts = moved.pts;
  Item item = std::move(moved);
  queue_.try_push(item);
}

void SoundEncode::run() {
  while (auto item = queue_.pop()) {
    try {
      std::visit([this](auto& what) { handle(what); }, *item);
      drain();
    } catch (const Error& e) {
      log::error(e.what());
    }
  }
  coder_->finish();
  drain();
  sink_(std::nullopt);
}

void SoundEncode::handle(av::Track& track) {
  source_ = std::move(track);
  source_.time_base = SoundCoder::kSamples;
  coder_->source(source_);
}

void SoundEncode::handle(av::Packet& packet) {
  const bool config = packet.mark && !packet.mark->extradata.empty();
  if (config) {
    source_.extradata = packet.mark->extradata;
    coder_->source(source_);
  }
  if (coder_->started() && std::abs(packet.pts - coder_->position()) > SoundCoder::kRate) {
    coder_->finish();
    drain();
    coder_ = std::make_unique<SoundCoder>(bit_rate_);
    coder_->source(source_);
  }
  coder_->send(packet);
}

void SoundEncode::drain() {
  while (auto packet = coder_->receive()) {
    if (out_ != kNoTime && packet->pts <= out_) continue;  // the priming of one that began anew
    out_ = packet->pts;
    sink_(std::move(packet));
  }
}

}  // namespace stream::media
