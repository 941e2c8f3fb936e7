// A moving picture with a clock and a frame counter, and sound: each second a white flash and a
// beep begin at the same instant. Encoded as H.264 and AAC. One thread.
#pragma once
#include <deque>
#include <optional>

#include "av/encoder.h"
#include "av/frame.h"
#include "av/packet.h"
#include "av/track.h"

namespace stream::media {

struct TestPatternOptions {
  int width = 1280, height = 720;
  Rational rate{30, 1};
  int64_t bit_rate = 0;  // 0: by the size
  std::optional<Nanoseconds> duration;
};

class TestPattern {
 public:
  // Throws Error kUnsupported when the FFmpeg at hand lacks libx264.
  explicit TestPattern(const TestPatternOptions& options);
  const av::Tracks& tracks() const noexcept { return tracks_; }
  // In the order of decoding times over both tracks; nullopt at the end.
  std::optional<av::Packet> next();

 private:
  void draw(av::Frame& frame);
  void make_picture();
  void make_sound();
  void collect();
  int64_t picture_time(int64_t number) const;  // in samples

  TestPatternOptions options_;
  av::PicturePool pool_;
  av::Frame background_;
  av::Encoder video_, audio_;
  av::Tracks tracks_;
  int64_t pictures_ = 0, total_pictures_ = INT64_MAX, samples_ = 0, total_samples_ = INT64_MAX;
  bool video_ended_ = false, audio_ended_ = false;
  std::deque<av::Packet> ready_[2];
};

}  // namespace stream::media
