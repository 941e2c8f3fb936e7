#include "base/picture_name.h"

#include <algorithm>
#include <array>

namespace stream {

bool is_picture_name(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kEndings = {
      ".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".mp4", ".mkv", ".mov"};
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

}  // namespace stream
