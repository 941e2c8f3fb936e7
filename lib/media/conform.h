// Frames of any kind to one track of a stream's own parameters: codec, size, rate. Pictures keep
// their shape (black beside them), sound has no time of its own but its length. One thread.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "av/encoder.h"
#include "av/resampler.h"
#include "av/scaler.h"

namespace stream::media {

// FFmpeg's encoder for a codec; empty: there is none of ours.
std::string encoder_of(const std::string& codec);

struct Encoded {
  av::Track track;                  // as encoded
  std::vector<av::Packet> packets;  // times from 0
  int64_t length = 0;               // in the track's time base
};

// The picture in the middle of a black one, as large as fits with its own shape.
class Fitter {
 public:
  Fitter(int width, int height) : width_(width), height_(height) {}
  av::Frame fit(const av::Frame& in);

 private:
  int width_, height_, inner_width_ = 0, inner_height_ = 0;
  std::optional<av::Scaler> scaler_;
};

class PictureConformer {
 public:
  explicit PictureConformer(const av::Track& like);
  Rational base() const { return base_; }  // a tick is a picture
  int64_t count() const { return next_; }
  size_t bytes() const { return bytes_; }
  av::Frame blank(uint8_t luma) const;
  av::Frame fit(const av::Frame& frame) { return fitter_->fit(frame); }
  // The next picture; of the size that blank() and fit() give.
  void add(const av::Frame& frame);
  Encoded finish();

 private:
  void collect();
  std::optional<av::Encoder> encoder_;
  std::optional<Fitter> fitter_;
  int width_ = 0, height_ = 0;
  Rational base_;
  int64_t next_ = 0, group_ = 1;
  bool as_lengths_ = false;
  std::vector<av::Packet> packets_;
  size_t bytes_ = 0;
};

class SoundConformer {
 public:
  explicit SoundConformer(const av::Track& like);
  int rate() const { return rate_; }
  void silence(int64_t samples);
  void add(const av::Frame& frame);
  // Whole packets within `samples`, filled up with silence.
  Encoded finish(int64_t samples);

 private:
  void append(const av::Frame& frame);
  void drain();
  void collect();
  av::Encoder encoder_;
  int rate_, channels_;
  av::Resampler resampler_;
  std::vector<std::deque<float>> fifo_;
  int64_t sent_ = 0;
  std::vector<av::Packet> packets_;
};

}  // namespace stream::media
