// RTCP: what was understood is written again and must be understood the same way.
#include <cstdlib>

#include "rtp/rtcp.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stream;
  using namespace stream::rtp;
  for (const Rtcp& packet : parse_rtcp(Bytes(data, size))) {
    ByteWriter out;
    write_rtcp(out, packet);
    if (out.size() % 4 != 0 || parse_rtcp(out.view()).size() != 1) abort();
    if (parse_rtcp(out.view())[0].index() != packet.index()) abort();
  }
  return 0;
}
