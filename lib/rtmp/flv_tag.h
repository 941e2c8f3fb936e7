// Bodies of RTMP audio, video and aggregate messages, which are FLV tag bodies: the legacy layout
// and Enhanced RTMP v2 (ExHeader, ModEx, multitrack). Stateless; a payload shares the message's
// memory. It doesn't look inside codec data and doesn't unwrap time.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "rtmp/message.h"

namespace stream::rtmp {

enum class MediaKind : uint8_t { kVideo, kAudio };

enum class PacketType : uint8_t {
  kConfig,        // avcC, hvcC, av1C, vpcC, AudioSpecificConfig, OpusHead, fLaC; never empty
  kFrame,         // coded data; length-prefixed NAL units for h264, hevc and vvc
  kEnd,           // end of sequence, no payload
  kMultichannel,  // Enhanced RTMP channel order, count and map
};

// VideoPacketType and AudioPacketType of Enhanced RTMP v2: what PacketType is on the wire.
enum WirePacket : uint8_t {
  kSequenceStart = 0,
  kCodedFrames = 1,
  kSequenceEnd = 2,
  kVideoCodedFramesX = 3,
  kVideoMetadata = 4,
  kAudioMultichannelConfig = 4,
  kAudioMultitrack = 5,
  kVideoMultitrack = 6,
  kModEx = 7,
};

// One track's part of one message.
struct Media {
  MediaKind kind{};
  PacketType packet{};
  uint8_t track = 0;          // 0 unless the sender used multitrack
  bool keyframe = false;      // video frames only
  std::string_view codec;     // FFmpeg's name ("h264", "aac"); empty: not known, see `code`
  uint32_t code = 0;          // FourCC, or the legacy codec number (< 16)
  uint32_t timestamp = 0;     // decoding time in ms, as sent: see kTimestampBits; none with kEnd
  Nanoseconds composition{};  // presentation minus decoding time; may be negative
  uint32_t sample_rate = 0;   // legacy audio only, from the tag header: never trust it for AAC
  uint8_t channels = 0;       // the same
  // Of transports that lose (not RTMP): something before this was lost; the size of a keyframe's
  // picture, as far as it is known.
  bool discontinuity = false;
  int width = 0, height = 0;
  Buffer payload;
};

// kIgnored: legal and without media (command frames, colour metadata, silence markers, packet types
// that are not known). kMalformed: cut short or contradictory; tracks before the fault are
// delivered.
enum class TagResult : uint8_t { kMedia, kIgnored, kMalformed };

// Append what the body of a type 9 or type 8 message holds to `out`.
TagResult parse_video(const Buffer& body, uint32_t timestamp, std::vector<Media>& out);
TagResult parse_audio(const Buffer& body, uint32_t timestamp, std::vector<Media>& out);

// Takes a type 22 message apart into audio, video and data messages with times of their own
// (RTMP 1.0 section 7.1.6). False when it is cut short; messages before the fault are delivered.
bool split_aggregate(const Message& aggregate, std::vector<Message>& out);

// Enhanced RTMP's FourCC for a codec by FFmpeg's name; 0: it has none.
uint32_t fourcc_of(MediaKind kind, std::string_view codec);

// For people: "hvc1" or "legacy codec 4"; control characters are escaped.
std::string codec_label(const Media& media);

}  // namespace stream::rtmp
