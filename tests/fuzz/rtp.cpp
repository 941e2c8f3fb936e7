// A received stream: datagrams with two bytes of length before each, in one Receiver, with time
// going on. The first byte chooses the codec. Bounds hold, no unit is empty, the first is a key
// frame.
#include <algorithm>
#include <cstdlib>
#include <string>

#include "rtp/packet.h"
#include "rtp/receiver.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stream;
  using namespace stream::rtp;
  static constexpr const char* kCodecs[] = {"h264", "hevc", "vp8", "vp9", "av1", "opus"};
  if (size == 0) return 0;
  const std::string codec = kCodecs[data[0] % 6];
  Receiver receiver({codec, codec == "opus" ? 48000 : 90000});
  Bytes rest(data + 1, size - 1);
  Nanoseconds now{0};
  bool first = true;
  while (rest.size() >= 2) {
    const size_t length = std::min<size_t>(rest[0] << 8 | rest[1], rest.size() - 2);
    const auto packet = parse_packet(rest.subspan(2, length));
    rest = rest.subspan(2 + length);
    now += std::chrono::milliseconds(7);
    if (packet) {
      for (uint8_t id = 0; id < 20; ++id) packet->extension(id);
      if (packet->payload_type == 97)
        receiver.receive_rtx(*packet, now);
      else
        receiver.receive(*packet, now);
    }
    if (receiver.nacks(now).size() > 128 || receiver.stats().buffered > 2048) abort();
    receiver.tick(now);
    while (const auto unit = receiver.next()) {
      if (unit->data.empty() || (first && !unit->key)) abort();
      first = false;
    }
    receiver.report(now);
    receiver.deadline();
  }
  return 0;
}
