// The files under assets/, compiled in.
#pragma once
#include <string_view>

namespace stream::serve {

extern const std::string_view kIndexHtml, kPlayerHtml, kAbsentHtml, kStyleCss, kPlayerJs, kCmafJs,
    kLiveHtml, kLiveJs, kPublishHtml, kPublishJs;

}  // namespace stream::serve
