// Whether encode=auto encodes the pictures: at once when they don't fit, and no more after they
// have fitted for a while, so that what lies at a limit does not change all the time. Pure.
#pragma once
#include <optional>

#include "base/time.h"

namespace stream::media {

class AutoEncode {
 public:
  static constexpr Nanoseconds kFitted = std::chrono::seconds(60);

  bool judge(bool fits, Nanoseconds now) {
    if (!fits) {
      encodes_ = true;
      fits_since_.reset();
    } else if (!fits_since_) {
      fits_since_ = now;
    } else if (now - *fits_since_ >= kFitted) {
      encodes_ = false;
    }
    return encodes_;
  }

 private:
  bool encodes_ = false;
  std::optional<Nanoseconds> fits_since_;
};

}  // namespace stream::media
