// A source of packets, a directory of its own and a reader of what was recorded.
#pragma once
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>

#include "av/input.h"
#include "unit/codec/records.h"
#include "unit/temp_dir.h"

namespace recording {

using namespace stream;

inline av::Tracks tracks() {
  av::Track video;
  video.type = av::MediaType::kVideo;
  video.codec = "h264";
  video.time_base = {1, 90000};
  video.extradata = Buffer::copy(records::hex(records::kAvcc));
  video.width = 642;
  video.height = 358;
  av::Track audio;
  audio.type = av::MediaType::kAudio;
  audio.codec = "aac";
  audio.time_base = {1, 48000};
  audio.extradata = Buffer::copy(records::hex("1190"));
  audio.sample_rate = 48000;
  audio.channels = 2;
  return {video, audio};
}

// Calls `take(packet)` for `seconds` of 30 fps with a keyframe each second, and of sound.
template <typename Take>
void play(double seconds, double from, Take take) {
  int64_t sound = static_cast<int64_t>(from * 48000) / 1024;
  for (int64_t frame = static_cast<int64_t>(from * 30);
       frame < static_cast<int64_t>((from + seconds) * 30); ++frame) {
    av::Packet packet;
    packet.track = 0;
    packet.dts = frame * 3000;
    packet.pts = packet.dts + 3000;
    packet.duration = 3000;
    packet.key = frame % 30 == 0;
    std::vector<uint8_t> data(packet.key ? 2000 : 300, 0x55);
    data[0] = data[1] = 0;
    data[2] = static_cast<uint8_t>((data.size() - 4) >> 8);
    data[3] = static_cast<uint8_t>(data.size() - 4);
    data[4] = packet.key ? 0x65 : 0x41;
    packet.data = Buffer::copy(data);
    take(packet);
    for (; sound * 1024 * 90000 / 48000 < (frame + 1) * 3000; ++sound) {
      av::Packet piece;
      piece.track = 1;
      piece.dts = piece.pts = sound * 1024;
      piece.duration = 1024;
      piece.key = true;
      piece.data = Buffer::copy(std::vector<uint8_t>(200, 0x21));
      take(piece);
    }
  }
}

struct Content {
  std::map<int, int> packets;  // per track
  std::map<int, int64_t> bytes;
  bool monotonic = true;
};

// What FFmpeg finds in the file.
inline Content read(const std::string& path) {
  av::Input input = av::Input::open(path);
  Content content;
  std::map<int, int64_t> last;
  while (const auto packet = input.read()) {
    if (last.count(packet->track) && packet->dts <= last[packet->track]) content.monotonic = false;
    last[packet->track] = packet->dts;
    ++content.packets[packet->track];
    content.bytes[packet->track] += static_cast<int64_t>(packet->data.size());
  }
  return content;
}

}  // namespace recording
