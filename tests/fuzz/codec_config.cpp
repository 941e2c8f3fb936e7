// Codec configuration records and frame headers. The first byte chooses the codec.
#include "codec/avc.h"
#include "codec/description.h"
#include "codec/hevc.h"
#include "codec/nal.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stream;
  static constexpr const char* kCodecs[] = {"h264", "hevc", "av1", "vp9",  "aac",
                                            "opus", "flac", "ac3", "eac3", "mp3"};
  if (size == 0) return 0;
  const char* name = kCodecs[data[0] % std::size(kCodecs)];
  const Bytes bytes(data + 1, size - 1);
  const auto described = codec::describe(name, bytes);
  codec::describe_frame(name, bytes);
  // What we made of it must be readable again.
  if (described && !described->config.empty() && (data[0] % 10 < 5)) {
    if (!codec::describe(name, described->config)) __builtin_trap();
  }
  codec::annexb_to_length_prefixed(bytes);
  codec::length_prefixed_to_annexb(bytes, 4);
  return 0;
}
