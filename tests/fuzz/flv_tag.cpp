// Audio, video and aggregate bodies: payloads must lie inside the body.
#include "rtmp/flv_tag.h"

#include <cstdlib>

using namespace stream;
using namespace stream::rtmp;

namespace {

void check(const Buffer& body, const std::vector<Media>& media) {
  for (const Media& item : media) {
    if (item.payload.begin() < body.begin() || item.payload.end() > body.end()) abort();
    if (item.packet == PacketType::kEnd ? !item.payload.empty() : item.payload.empty()) abort();
    codec_label(item);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Buffer body = Buffer::copy(Bytes(data + 1, size - 1));
  std::vector<Media> media;
  if (data[0] % 3 == 0) {
    parse_video(body, 0, media);
  } else if (data[0] % 3 == 1) {
    parse_audio(body, 0, media);
  } else {
    Message message;
    message.payload = body;
    std::vector<Message> parts;
    split_aggregate(message, parts);
    for (const Message& part : parts) {
      if (part.payload.begin() < body.begin() || part.payload.end() > body.end()) abort();
      if (part.type == MessageType::kVideo) parse_video(part.payload, part.timestamp, media);
      if (part.type == MessageType::kAudio) parse_audio(part.payload, part.timestamp, media);
    }
  }
  check(body, media);
  return 0;
}
