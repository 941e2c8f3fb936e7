// The first bytes of RTMP audio and video message bodies, the counterpart of flv_tag.h: the legacy
// layout for H.264, AAC and MP3, Enhanced RTMP v2 for what has a FourCC only. Stateless.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "rtmp/flv_tag.h"

namespace stream::rtmp {

class TagHead {
 public:
  operator Bytes() const noexcept { return {bytes_.data(), size_}; }
  void u8(uint8_t value) { bytes_.at(size_++) = value; }

 private:
  std::array<uint8_t, 8> bytes_{};
  size_t size_ = 0;
};

// True when a peer must know Enhanced RTMP to take the codec.
bool is_enhanced(MediaKind kind, std::string_view codec);
// The codec can be sent at all.
bool is_sendable(MediaKind kind, std::string_view codec);

// What stands before the codec's bytes; `codec` must be sendable. kConfig, kFrame and kEnd only.
// `composition_ms` is presentation minus decoding time, cut to 24 bits.
TagHead video_head(std::string_view codec, PacketType packet, bool keyframe,
                   int32_t composition_ms);
TagHead audio_head(std::string_view codec, PacketType packet);
// False for codecs whose legacy or enhanced form has no configuration message.
bool has_config(MediaKind kind, std::string_view codec);

}  // namespace stream::rtmp
