// Text in a picture, by libass: white with a dark rim, centred, as large as fits. One call at a
// time.
#pragma once
#include <string>

#include "av/frame.h"

namespace stream::av {

// Newlines break lines. Throws Error kUnsupported "text.font" when no font on this machine has the
// letters.
void draw_text(Frame& picture, const std::string& text);

}  // namespace stream::av
