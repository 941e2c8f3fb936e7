// One encoding of a picture as its user says it, and the size that it gives a picture that is
// there. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace stream::media {

// A rung as its user says it. The box is landscape; a portrait picture gets it turned.
struct RungSpec {
  std::string name;  // "720p": its directory
  int box_width = 0, box_height = 0;
  int64_t bit_rate = 0;
  std::string encoder = "libx264", preset, tune, profile;
  bool source = false;     // the picture as it is, whatever its size: there is no box
  bool low_delay = false;  // encoded without B-frames and looking ahead
  friend bool operator==(const RungSpec&, const RungSpec&) = default;
};

// "720p@2800k,preset=veryfast,encoder=libx265", "960x540@2M", "1080p", "source". The rate may be
// left out for the rungs of the default ladder. Throws Error kUsage "rung.invalid" naming text and
// reason.
RungSpec parse_rung(std::string_view text);
std::string to_text(const RungSpec& rung);  // in the same form
std::vector<RungSpec> default_rungs();      // 1080p 5000k, 720p 2800k, 480p 1400k, 360p 800k

// The picture of `width` x `height` (square pixels) within the rung's box: even sizes, the same
// aspect, never larger. nullopt: the box is larger than the picture.
struct Size {
  int width = 0, height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};
std::optional<Size> fit(const RungSpec& rung, int width, int height);
// The same, but the picture as it is where the box is larger.
Size fit_or_source(const RungSpec& rung, int width, int height);
// The shown size in square pixels, even.
Size square_size(int width, int height, Rational sample_aspect);

}  // namespace stream::media
