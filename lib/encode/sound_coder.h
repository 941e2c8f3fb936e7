// One sound track of any kind to AAC without holes: decodes, resamples to 48 kHz stereo, fills gaps
// with silence, encodes. Times are kept; the encoder's priming therefore lies before the first
// sound. One thread.
#pragma once
#include <deque>
#include <optional>

#include "av/decoder.h"
#include "av/encoder.h"
#include "av/resampler.h"
#include "encode/sound_clock.h"

namespace stream::media {

class SoundCoder {
 public:
  static constexpr int kRate = 48000, kChannels = 2;
  static constexpr Rational kSamples{1, kRate};  // base of the times that come out

  explicit SoundCoder(int64_t bit_rate);

  // Its packets follow. What has no decoder is silent, and told in the log.
  void source(const av::Track& track);
  // Nothing before `at` (in samples) is made; silence up to there when it began earlier.
  void start(int64_t at);
  void send(const av::Packet& packet);
  void fill_until(int64_t at);  // with silence, when there is no sound so far yet
  void finish();                // all that is left comes out
  std::optional<av::Packet> receive();

  const av::Track& track() const { return encoder_.track(); }
  int frame_samples() const { return encoder_.frame_samples(); }
  bool started() const { return clock_.started(); }
  int64_t position() const { return clock_.position(); }
  double silence_seconds() const { return static_cast<double>(clock_.silence()) / kRate; }
  double dropped_seconds() const { return static_cast<double>(clock_.dropped()) / kRate; }
  uint64_t damaged() const { return damaged_before_ + (decoder_ ? decoder_->dropped() : 0); }

 private:
  void decode();
  void place(const av::Frame& frame);
  void encode(bool rest);

  av::Encoder encoder_;
  std::optional<av::Decoder> decoder_;
  Rational source_base_ = kSamples;
  uint64_t damaged_before_ = 0;
  av::Resampler resampler_;
  SoundClock clock_;
  std::deque<av::Packet> made_;
};

}  // namespace stream::media
