#include "rtmp/shared_message.h"

#include <algorithm>
#include <cassert>

#include "base/bytes.h"
#include "rtmp/chunk_reader.h"

namespace stream::rtmp {
namespace {

uint8_t basic_header(int format, uint32_t chunk_stream) {
  return static_cast<uint8_t>(format << 6 | static_cast<int>(chunk_stream));
}

// Writes payload behind a header, with a continuation header before each further chunk.
class Cutter {
 public:
  Cutter(uint8_t* out, uint32_t chunk_size, uint8_t continuation)
      : out_(out), left_(chunk_size), chunk_size_(chunk_size), continuation_(continuation) {}
  void add(Bytes bytes) {
    while (!bytes.empty()) {
      if (left_ == 0) {
        *out_++ = continuation_;
        left_ = chunk_size_;
      }
      const size_t n = std::min<size_t>(left_, bytes.size());
      out_ = std::copy_n(bytes.begin(), n, out_);
      bytes = bytes.subspan(n);
      left_ -= n;
    }
  }

 private:
  uint8_t* out_;
  size_t left_;
  const size_t chunk_size_;
  const uint8_t continuation_;
};

}  // namespace

SharedMessage make_shared(MessageType type, uint32_t chunk_stream, uint32_t timestamp,
                          uint32_t delta, uint32_t chunk_size, Bytes head, Bytes body) {
  assert(chunk_stream >= 3 && chunk_stream <= 63 && chunk_size > 0);
  SharedMessage message{type, chunk_stream, timestamp, delta, chunk_size, 0, {}};
  message.payload_size = head.size() + body.size();
  assert(message.payload_size <= kMaxChunkSize);
  const size_t chunks = std::max<size_t>(1, (message.payload_size + chunk_size - 1) / chunk_size);
  BufferBuilder wire(SharedMessage::kHeaderSize + message.payload_size + chunks - 1);

  ByteWriter header;
  header.u8(basic_header(1, chunk_stream));
  header.u24(std::min(delta, kExtendedTime));
  header.u24(static_cast<uint32_t>(message.payload_size));
  header.u8(static_cast<uint8_t>(type));
  uint8_t* at = std::copy_n(header.view().begin(), header.size(), wire.data());
  Cutter cutter(at, chunk_size, basic_header(3, chunk_stream));
  cutter.add(head);
  cutter.add(body);
  message.wire = std::move(wire).finish();
  return message;
}

std::vector<uint8_t> payload_of(const SharedMessage& message) {
  std::vector<uint8_t> payload;
  payload.reserve(message.payload_size);
  Bytes rest = Bytes(message.wire).subspan(SharedMessage::kHeaderSize);
  while (!rest.empty()) {
    const size_t n = std::min<size_t>(message.chunk_size, rest.size());
    payload.insert(payload.end(), rest.begin(), rest.begin() + static_cast<ptrdiff_t>(n));
    rest = rest.subspan(std::min(n + 1, rest.size()));  // the continuation header goes
  }
  return payload;
}

}  // namespace stream::rtmp
