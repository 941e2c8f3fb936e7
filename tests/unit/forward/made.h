// What the forwarder's tests share: messages, tracks and packets made by hand.
#pragma once
#include <vector>

#include "av/packet.h"
#include "av/track.h"
#include "forward/types.h"

namespace stream::media {

inline MessagePtr message(int64_t ms, bool video, bool key = false, size_t size = 100) {
  ForwardMessage m;
  m.milliseconds = ms;
  m.video = video;
  m.entry = key;
  m.wire = rtmp::make_shared(video ? rtmp::MessageType::kVideo : rtmp::MessageType::kAudio,
                             video ? 6 : 4, static_cast<uint32_t>(ms), 0, kForwardChunkSize, {},
                             std::vector<uint8_t>(size));
  return std::make_shared<const ForwardMessage>(std::move(m));
}

// avcC of a 64x64 baseline stream.
inline const std::vector<uint8_t> kAvcc = {0x01, 0x42, 0xC0, 0x0A, 0xFF, 0xE1, 0x00, 0x0B, 0x67,
                                           0x42, 0xC0, 0x0A, 0xDC, 0x10, 0x84, 0x60, 0x88, 0x46,
                                           0x51, 0x01, 0x00, 0x04, 0x68, 0xCE, 0x0F, 0xC8};

inline av::Tracks tracks() {
  av::Track video, audio;
  video.codec = "h264";
  video.width = 640;
  video.height = 360;
  video.extradata = Buffer::copy(kAvcc);
  audio.type = av::MediaType::kAudio;
  audio.codec = "aac";
  audio.sample_rate = 48000;
  audio.channels = 2;
  audio.extradata = Buffer::copy(std::vector<uint8_t>{0x11, 0x90});
  return {video, audio};
}

inline av::Packet packet(int track, int64_t ms, bool key) {
  av::Packet p;
  p.track = track;
  p.dts = p.pts = ms;
  p.key = key;
  p.data = Buffer::copy(std::vector<uint8_t>{0, 0, 0, 2, 0x65, 0x88});
  return p;
}

}  // namespace stream::media
