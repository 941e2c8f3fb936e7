// The cascade: one decoded picture becomes the pictures of all rungs, each scaled from the smallest
// one before it that is large enough. One thread.
#pragma once
#include <vector>

#include "av/frame.h"
#include "av/scaler.h"
#include "ladder/plan.h"

namespace stream::media {

class Cascade {
 public:
  // `sizes`: largest first.
  Cascade(Size source, const std::vector<Size>& sizes);
  // One picture per size; only those `wanted`, or needed for those, are made: others are empty.
  std::vector<av::Frame> scale(const av::Frame& picture, const std::vector<bool>& wanted);

 private:
  std::vector<int> from_;
  std::vector<av::Scaler> scalers_;
};

}  // namespace stream::media
