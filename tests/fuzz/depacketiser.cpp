// Payloads behind a byte of flags (marker, hole, new timestamp, high bits of the length) and one of
// length. The first byte chooses the codec. What comes out can be sent again in packets of 100
// bytes.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "rtp/depacketiser.h"
#include "rtp/packetiser.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stream;
  using namespace stream::rtp;
  static constexpr const char* kCodecs[] = {"h264", "hevc", "vp8", "vp9", "av1", "opus"};
  if (size == 0) return 0;
  const std::string codec = kCodecs[data[0] % 6];
  const auto in = make_depacketiser(codec), again = make_depacketiser(codec);
  const auto out = make_packetiser(codec, {}, 100);
  Bytes rest(data + 1, size - 1);
  uint32_t timestamp = 0;
  while (rest.size() >= 3) {
    const uint8_t flags = rest[0];
    const size_t length = std::min<size_t>((flags & 3) << 8 | rest[1], rest.size() - 2);
    Packet packet;
    packet.payload = rest.subspan(2, length);
    rest = rest.subspan(2 + length);
    packet.marker = flags & 0x80;
    if (flags & 0x40) in->hole();
    if (flags & 0x20) ++timestamp;
    packet.timestamp = timestamp;
    in->feed(packet);
    while (const auto unit = in->next()) {
      if (unit->data.empty()) abort();
      if (!unit->extradata.empty()) out->configure(unit->extradata);
      for (const Payload& payload : out->packetise(unit->data, unit->key)) {
        Packet copy;
        copy.payload = payload.data;
        copy.marker = payload.marker;
        copy.timestamp = unit->timestamp;
        if (payload.data.size() > 100 && codec != "opus") abort();
        again->feed(copy);
      }
      while (again->next()) {
      }
    }
  }
  return 0;
}
