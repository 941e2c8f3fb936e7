// A whole client session against whatever a destination answers. The first byte says whether the
// handshake is part of the input and whether media is sent once publishing has started; the second
// how the bytes are cut. Nothing may follow a final event, output stays bounded.
#include <algorithm>
#include <cstdlib>

#include "rtmp/client_session.h"
#include "rtmp/handshake.h"

using namespace stream;
using namespace stream::rtmp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = data[1] + size_t{1};
  ClientOptions options;
  options.app = "live";
  options.tc_url = "rtmp://h/live";
  options.key = Secret("key");
  options.budget = 256 << 10;
  options.chunk_size = 128;
  ClientSession session(options);
  if ((data[0] & 1) == 0) {
    std::vector<uint8_t> hello(1 + 2 * kHandshakeSize);
    hello[0] = 3;
    session.feed(hello);
  }
  bool ended = false;
  uint32_t time = 0;
  Bytes rest(data + 2, size - 2);
  while (!rest.empty()) {
    const Bytes in = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(in.size());
    session.feed(in);
    while (auto event = session.next()) {
      if (ended) abort();
      ended = std::holds_alternative<ClientFailed>(*event) ||
              std::holds_alternative<PublishRefused>(*event) ||
              std::holds_alternative<Redirected>(*event);
    }
    if (session.phase() == ClientSession::Phase::kStarted && (data[0] & 2) != 0) {
      const std::vector<uint8_t> body(300, 7);
      std::vector<Buffer> pieces;
      session.media(pieces, make_shared(MessageType::kVideo, 6, time, 40, 128, {}, body), time);
      time += data[0];
    }
    if (session.take_output().size() > 64 << 10) abort();
  }
  if (ended && session.phase() != ClientSession::Phase::kClosed) abort();
  return 0;
}
