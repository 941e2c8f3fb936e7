// Stream ids and addresses of SRT: whatever is accepted is bounded and holds no control characters.
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "srt/address.h"
#include "srt/stream_id.h"

using namespace stream;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto id = srt::parse_stream_id(text)) {
    if (size > srt::kMaxStreamId || id->keys.size() > 8) std::abort();
    for (const Secret& key : id->keys)
      if (key.empty() || key.reveal().size() > srt::kMaxStreamId) std::abort();
    for (const unsigned char c : id->stream)
      if (c < 0x20) std::abort();
  }
  try {
    srt::parse_address("srt://" + std::string(text));
  } catch (const Error&) {
  }
  return 0;
}
