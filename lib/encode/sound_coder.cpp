#include "encode/sound_coder.h"

#include "base/error.h"
#include "base/log.h"

namespace stream::media {

SoundCoder::SoundCoder(int64_t bit_rate)
    : encoder_(av::AudioEncoding{"aac", kRate, kChannels, bit_rate}),
      resampler_(kRate, kChannels),
      clock_(kRate, kChannels, encoder_.frame_samples()) {}

void SoundCoder::source(const av::Track& track) {
  if (decoder_) {
    decoder_->finish();
    decode();
    damaged_before_ += decoder_->dropped();
  }
  source_base_ = track.time_base;
  try {
    decoder_.emplace(track);
  } catch (const Error& e) {
    decoder_.reset();
    log::error(std::string(e.what()) + "; the stream is silent");
  }
}

void SoundCoder::start(int64_t at) {
  clock_.start(at);
  fill_until(at);
}

void SoundCoder::send(const av::Packet& packet) {
  if (!decoder_) return;
  decoder_->send(packet);
  decode();
}

void SoundCoder::decode() {
  while (auto frame = decoder_->receive()) {
    try {
      place(*frame);
    } catch (const Error& e) {
      log::error(e.what());
    }
  }
}

void SoundCoder::place(const av::Frame& frame) {
  const av::Frame sound = resampler_.convert(frame);
  if (!sound || sound.samples() == 0) return;
  const int64_t pts =
      frame.pts() == kNoTime ? clock_.position() : rescale(frame.pts(), source_base_, kSamples);
  if (clock_.started() && pts - clock_.position() > kRate) fill_until(pts);
  clock_.add(sound, pts);
  encode(false);
}

// A hole is filled piece by piece: the clock makes a second at a time.
void SoundCoder::fill_until(int64_t at) {
  while (clock_.started() && clock_.position() < at) {
    clock_.fill_until(at);
    encode(false);
  }
}

void SoundCoder::encode(bool rest) {
  while (auto frame = clock_.take(rest)) {
    encoder_.send(*frame);
    while (auto packet = encoder_.receive()) made_.push_back(std::move(*packet));
  }
}

void SoundCoder::finish() {
  if (decoder_) {
    decoder_->finish();
    decode();
  }
  encode(true);
  encoder_.finish();
  while (auto packet = encoder_.receive()) made_.push_back(std::move(*packet));
}

std::optional<av::Packet> SoundCoder::receive() {
  if (made_.empty()) return std::nullopt;
  av::Packet packet = std::move(made_.front());
  made_.pop_front();
  packet.dts = packet.pts;
  return packet;
}

}  // namespace stream::media
