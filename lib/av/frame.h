// A decoded picture or a stretch of sound. Copies share the samples, which therefore stay as they
// are once a Frame was handed on; times of a Frame are in the time base of whoever gives it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/time.h"

struct AVFrame;
struct AVBufferPool;

namespace stream::av {

class Frame {
 public:
  Frame() noexcept = default;
  explicit Frame(AVFrame* taken) noexcept : frame_(taken) {}
  Frame(const Frame& other);
  Frame(Frame&& other) noexcept : frame_(other.frame_) { other.frame_ = nullptr; }
  Frame& operator=(Frame other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~Frame();

  // 8-bit yuv420p, limited range, BT.709, square pixels; the pixels are to be filled. Even sizes.
  static Frame picture(int width, int height);
  // Planar float, silent.
  static Frame sound(int sample_rate, int channels, int samples);

  explicit operator bool() const noexcept { return frame_ != nullptr; }
  AVFrame* get() const noexcept { return frame_; }

  int64_t pts() const noexcept;  // kNoTime: not known
  void set_pts(int64_t pts) noexcept;
  bool key() const noexcept;
  bool interlaced() const noexcept;
  bool damaged() const noexcept;  // the decoder had to invent a part of it

  int width() const noexcept;
  int height() const noexcept;
  Rational sample_aspect() const noexcept;
  bool bt601() const noexcept;  // says so; as Scaler leaves it
  // Plane 0 is luma, 1 and 2 chroma of half the size (for picture()).
  uint8_t* plane(int index) const noexcept;
  int stride(int index) const noexcept;

  int sample_rate() const noexcept;
  int channels() const noexcept;
  int samples() const noexcept;
  float* channel(int index) const noexcept;  // planar float only

 private:
  AVFrame* frame_ = nullptr;
};

// Pictures of one size whose memory is used again once the last Frame on it is gone. Any thread may
// let a Frame go; get() is for one.
class PicturePool {
 public:
  PicturePool(int width, int height);
  PicturePool(PicturePool&& other) noexcept;
  PicturePool& operator=(PicturePool&& other) noexcept;
  ~PicturePool();

  Frame get();  // as Frame::picture
  int width() const noexcept { return width_; }
  int height() const noexcept { return height_; }

 private:
  AVBufferPool* pool_ = nullptr;
  int width_ = 0, height_ = 0;
};

}  // namespace stream::av
