// SRTLA: whatever comes from whomever, groups and links stay within their bounds, and nothing that
// did not join brings SRT packets. The input: a peer's number and a length before each packet.
#include <cstdlib>

#include "srt/srtla_groups.h"

using namespace stream;
using namespace std::chrono_literals;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  srt::SrtlaLimits limits;
  limits.groups = 4;
  limits.groups_per_host = 2;
  limits.links = 2;
  uint8_t random = 0;
  size_t sent = 0, asked = 0;
  srt::SrtlaGroups groups(
      limits, {[&](const srt::SrtlaGroups::Endpoint&, Bytes bytes) { sent += bytes.size(); },
               [](const srt::SrtlaGroups::Group& group) {
                 if (group.links.size() > 2) std::abort();
               },
               [&](std::span<uint8_t> bytes) {
                 for (uint8_t& b : bytes) b = static_cast<uint8_t>(random++ & 3);
               }});
  Nanoseconds now = 0ns;
  while (size >= 2) {
    const uint8_t who = data[0];
    const size_t length = std::min<size_t>(size - 2, data[1] == 255 ? 258 : data[1]);
    const Bytes packet(data + 2, length);
    data += 2 + length;
    size -= 2 + length;
    now += std::chrono::milliseconds(who) * 8;
    const srt::SrtlaGroups::Endpoint peer(boost::asio::ip::address_v4(who & 7u),
                                          static_cast<uint16_t>(1 + (who >> 3 & 3)));
    sent = 0;
    asked = packet.size();
    auto* group = groups.received(peer, packet, now);
    // Ten acknowledgements for ten data packets are the one answer that is longer.
    if (sent > asked && sent > 4 + 4 * srt::kSrtlaAckBatch) std::abort();
    if (group != nullptr) {
      if (packet.size() < 16) std::abort();
      groups.send(*group, packet);
    }
    groups.tick(now);
    if (groups.size() > limits.groups) std::abort();
  }
  return 0;
}
