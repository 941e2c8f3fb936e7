#include "ladder/pictures.h"

namespace stream::media {

Cascade::Cascade(Size source, const std::vector<Size>& sizes) : from_(cascade(source, sizes)) {
  for (const Size& size : sizes) scalers_.emplace_back(size.width, size.height);
}

std::vector<av::Frame> Cascade::scale(const av::Frame& picture, const std::vector<bool>& wanted) {
  std::vector<bool> needed = wanted;
  for (size_t i = needed.size(); i-- > 0;)
    if (needed[i] && from_[i] >= 0) needed[static_cast<size_t>(from_[i])] = true;
  std::vector<av::Frame> made(needed.size());
  for (size_t i = 0; i < needed.size(); i++) {
    if (!needed[i]) continue;
    const av::Frame& from = from_[i] < 0 ? picture : made[static_cast<size_t>(from_[i])];
    made[i] = scalers_[i].scale(from);
  }
  return made;
}

}  // namespace stream::media
