// Interlaced pictures to progressive ones, one for one, times unchanged (FFmpeg's bwdif;
// progressive pictures between them pass untouched). Holds one picture back. Internal to lib/av.
// One thread.
#pragma once
#include <optional>

#include "av/frame.h"

struct AVFilterContext;
struct AVFilterGraph;

namespace stream::av {

class Deinterlacer {
 public:
  // For pictures like `first`, whose times are in `time_base`.
  Deinterlacer(const Frame& first, Rational time_base);
  ~Deinterlacer();
  Deinterlacer(const Deinterlacer&) = delete;
  Deinterlacer& operator=(const Deinterlacer&) = delete;

  bool fits(const Frame& frame) const;  // same size and format
  void push(const Frame& frame);
  void finish();  // the picture held back comes as well
  std::optional<Frame> pull();

 private:
  AVFilterGraph* graph_ = nullptr;
  AVFilterContext *source_ = nullptr, *sink_ = nullptr;
  Rational time_base_;
  int width_, height_, format_;
};

}  // namespace stream::av
