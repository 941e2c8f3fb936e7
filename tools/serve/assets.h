// The files under assets/, compiled in.
#pragma once
#include <string_view>

namespace stream::serve {

extern const std::string_view kIndexHtml, kPlayerHtml, kAbsentHtml, kLiveHtml, kPublishHtml;
extern const std::string_view kStyleCss, kPlayerJs, kCmafJs, kLiveJs, kPublishJs, kSessionJs;

}  // namespace stream::serve
