// Any picture to 8-bit yuv420p of one size, limited range, square pixels: zimg does the work,
// swscale unpacks what zimg can't read (NV12, packed RGB, palettes). Side data of the frame
// (captions) stays on it. One thread per Scaler.
#pragma once
#include <memory>

#include "av/frame.h"

namespace stream::av {

enum class ScaleFilter { kBilinear, kBicubic, kSpline36, kLanczos };

class Scaler {
 public:
  // Even sizes. The colour matrix stays the source's when it is BT.709 or BT.601 (not said: 709
  // from 720 lines on, else 601) and becomes BT.709 otherwise.
  Scaler(int width, int height, ScaleFilter filter = ScaleFilter::kBicubic);
  Scaler(Scaler&&) noexcept;
  Scaler& operator=(Scaler&&) noexcept;
  ~Scaler();

  // Takes another size, format or colour at any frame. A frame that is right already is shared, not
  // copied. Throws Error kUnsupported "picture.format".
  Frame scale(const Frame& in);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stream::av
