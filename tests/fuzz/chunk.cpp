// The chunk reader: messages must not depend on how the bytes are cut, memory stays in the budget,
// and what the writer makes of the messages reads back the same.
#include <algorithm>
#include <cstdlib>

#include "rtmp/chunk_reader.h"
#include "rtmp/chunk_writer.h"

using namespace stream;
using namespace stream::rtmp;

namespace {

constexpr size_t kBudget = 1 << 20;

struct Result {
  std::vector<Message> messages;
  std::string error;
};

Result run(Bytes rest, size_t piece, size_t budget) {
  ChunkReader reader(budget);
  Result result;
  while (!rest.empty() && result.error.empty()) {
    Bytes in = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(in.size());
    Message message;
    while (reader.next(in, message) == ChunkReader::Status::kMessage) {
      result.messages.push_back(message);
    }
    if (reader.memory() > budget) abort();
    result.error = reader.error();
  }
  return result;
}

void same(const std::vector<Message>& a, const std::vector<Message>& b) {
  if (a.size() != b.size()) abort();
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].type != b[i].type || a[i].chunk_stream != b[i].chunk_stream ||
        a[i].stream_id != b[i].stream_id || a[i].timestamp != b[i].timestamp ||
        a[i].payload != b[i].payload) {
      abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const Bytes input(data + 2, size - 2);
  const Result whole = run(input, SIZE_MAX, kBudget);
  const Result pieces = run(input, data[0] + size_t{1}, kBudget);
  if (whole.error != pieces.error) abort();
  same(whole.messages, pieces.messages);

  ChunkWriter writer;
  ByteWriter out;
  const uint32_t chunk_size = data[1] + 1u;
  ByteWriter body;
  body.u32(chunk_size);
  writer.write(out, MessageType::kSetChunkSize, 2, 0, 0, body.view());
  writer.set_chunk_size(chunk_size);
  for (const Message& message : whole.messages) {
    writer.write(out, message.type, message.chunk_stream, message.stream_id, message.timestamp,
                 message.payload);
  }
  const Result again = run(out.view(), SIZE_MAX, 64 << 20);
  // Writing opens chunk stream 2, which may be one too many.
  if (again.error.empty()) same(whole.messages, again.messages);
  return 0;
}
