// Which line of an offer is taken. Pure.
#pragma once
#include "webrtc/answer.h"

namespace stream::webrtc {

// The best line of the first of these codecs (FFmpeg's names) that the section has; null: none.
// `profile`: of the H.264 that will be sent, six hex digits; such needs packetization-mode 1.
const Codec* choose_codec(const Media& media, const std::vector<std::string>& names,
                          std::string_view profile = {});
// The payload type of its retransmissions.
std::optional<uint8_t> rtx_of(const Media& media, const Codec& codec);
// Of its packets that repeat those before (RFC 2198).
std::optional<uint8_t> red_of(const Media& media, const Codec& codec);
// The codecs of a section in words: "VP8, VP9, AV1".
std::string names_of(const Media& media);

}  // namespace stream::webrtc
