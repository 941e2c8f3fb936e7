// Both sides of the RTMP handshake, fed in pieces: the result must not depend on how bytes are cut.
#include <algorithm>
#include <cstdlib>

#include "rtmp/handshake.h"

using namespace stream;
using namespace stream::rtmp;

namespace {

struct Result {
  HandshakeStatus status = HandshakeStatus::kNeedMore;
  size_t left = 0;
  std::vector<uint8_t> out;
  bool operator==(const Result&) const = default;
};

template <typename Handshake>
Result run(Bytes rest, size_t piece) {
  Handshake handshake;
  ByteWriter out;
  Result result;
  while (!rest.empty() && result.status == HandshakeStatus::kNeedMore) {
    Bytes in = rest.first(std::min(piece, rest.size()));
    const size_t size = in.size();
    result.status = handshake.feed(in, out);
    rest = rest.subspan(size - in.size());
  }
  result.left = rest.size();
  result.out = out.take();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Bytes input(data + 1, size - 1);
  const size_t piece = data[0] + size_t{1};
  if (run<ServerHandshake>(input, piece) != run<ServerHandshake>(input, SIZE_MAX)) abort();
  if (run<ClientHandshake>(input, piece) != run<ClientHandshake>(input, SIZE_MAX)) abort();
  return 0;
}
