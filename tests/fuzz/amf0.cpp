// The AMF0 reader; what it took is written and read again and must give the same bytes.
#include "rtmp/amf0.h"

#include <cstdlib>

using namespace stream;
using namespace stream::rtmp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  amf0::Reader reader(Bytes(data, size));
  while (reader.ok() && !reader.at_end()) {
    const amf0::Value value = reader.read();
    if (!reader.ok()) break;
    const std::vector<uint8_t> bytes = amf0::encode(value);
    amf0::Reader second{Bytes(bytes)};
    if (amf0::encode(second.read()) != bytes || !second.ok() || !second.at_end()) abort();
  }
  return 0;
}
