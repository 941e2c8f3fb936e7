#include "rtmp/chunk_reader.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/bytes.h"

namespace stream::rtmp {
namespace {

// Most messages fit the first allocation; longer ones take the next when that much has arrived.
constexpr uint32_t kFirstAllocation = 64 << 10;
constexpr uint32_t kGrowth = 4;
constexpr std::array<size_t, 4> kHeaderSize = {11, 7, 3, 0};

uint32_t be32(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3];
}

}  // namespace

ChunkReader::Status ChunkReader::next(Bytes& in, Message& out) {
  if (!error_.empty()) return Status::kError;
  for (;;) {
    Bytes source = in;
    if (carried_ > 0) {
      const size_t taken = std::min(carry_.size() - carried_, in.size());
      std::copy_n(in.begin(), taken, carry_.begin() + carried_);
      source = Bytes(carry_).first(carried_ + taken);
    }
    size_t used = 0;
    const Step step_result = step(source, used, out);
    if (used >= carried_) {
      in = in.subspan(used - carried_);
      carried_ = 0;
    } else if (used > 0) {
      std::copy(carry_.begin() + used, carry_.begin() + carried_, carry_.begin());
      carried_ -= used;
    }
    switch (step_result) {
      case Step::kAgain:
        break;
      case Step::kMessage:
        return Status::kMessage;
      case Step::kError:
        return Status::kError;
      case Step::kNeedMore:
        assert(carried_ + in.size() <= carry_.size());
        std::copy(in.begin(), in.end(), carry_.begin() + carried_);
        carried_ += in.size();
        in = {};
        return Status::kNeedMore;
    }
  }
}

// One header or one run of payload.
ChunkReader::Step ChunkReader::step(Bytes source, size_t& used, Message& out) {
  if (!in_chunk_) {
    const Step result = begin_chunk(source, used);
    if (result != Step::kAgain) return result;
    source = source.subspan(used);
  }
  Stream& stream = streams_[current_];
  if (!copy_payload(stream, source, used)) return Step::kError;
  // Nothing is carried out of the middle of a payload: all of it was taken.
  if (chunk_left_ > 0) return used > 0 ? Step::kAgain : Step::kNeedMore;
  in_chunk_ = false;
  return stream.received == stream.length ? finish(stream, out) : Step::kAgain;
}

// Takes payload up to the end of the message or of `source`, across plain continuation headers: one
// known byte each, which need no look at the header's machinery.
bool ChunkReader::copy_payload(Stream& stream, Bytes source, size_t& used) {
  const bool plain = stream.id < low_ids_.size() && !stream.extended;
  const uint8_t continuation = static_cast<uint8_t>(0xC0 | stream.id);
  for (;;) {
    const uint32_t n = static_cast<uint32_t>(std::min<size_t>(chunk_left_, source.size()));
    if (n > 0) {
      if (!reserve(stream, stream.received + n)) return false;
      std::memcpy(stream.data.data + stream.received, source.data(), n);
      stream.received += n;
      chunk_left_ -= n;
      used += n;
      source = source.subspan(n);
    }
    if (chunk_left_ > 0 || stream.received == stream.length) return true;
    if (!plain || source.empty() || source[0] != continuation) return true;
    source = source.subspan(1);
    ++used;
    chunk_left_ = std::min(chunk_size_, stream.length - stream.received);
  }
}

ChunkReader::Step ChunkReader::begin_chunk(Bytes source, size_t& used) {
  Header header;
  if (!parse(source, header)) return Step::kError;
  if (header.size == 0) return Step::kNeedMore;
  if (!start(header)) return Step::kError;
  used = header.size;
  const Stream& stream = streams_[current_];
  chunk_left_ = std::min(chunk_size_, stream.length - stream.received);
  in_chunk_ = true;
  return Step::kAgain;
}

// Reads a header without changing anything; header.size stays 0 while bytes are missing.
bool ChunkReader::parse(Bytes bytes, Header& header) {
  if (bytes.empty()) return true;
  header.format = bytes[0] >> 6;
  header.id = bytes[0] & 0x3F;
  size_t basic = 1;
  if (header.id < 2) {
    basic = header.id + 2;
    if (bytes.size() < basic) return true;
    // The three-byte form is little-endian (RTMP 1.0 section 5.3.1.1).
    header.id = 64 + bytes[1] + (basic == 3 ? uint32_t{bytes[2]} << 8 : 0);
  }
  const size_t fixed = basic + kHeaderSize[header.format];
  if (bytes.size() < fixed) return true;

  const Stream* stream = find(header.id);
  const uint8_t* p = bytes.data() + basic;
  if (header.format < 3) {
    header.field = uint32_t{p[0]} << 16 | uint32_t{p[1]} << 8 | p[2];
    header.extended = header.field == kExtendedTime;
  }
  if (header.format < 2) {
    header.length = uint32_t{p[3]} << 16 | uint32_t{p[4]} << 8 | p[5];
    header.type = static_cast<MessageType>(p[6]);
  }
  if (header.format == 0) {
    header.stream_id = uint32_t{p[10]} << 24 | uint32_t{p[9]} << 16 | uint32_t{p[8]} << 8 | p[7];
  }
  if (header.format == 3 && stream != nullptr) {
    header.field = stream->field;
    header.extended = stream->extended;
  }
  size_t extended = header.extended ? 4 : 0;
  if (header.format == 3 && header.extended && stream->partial) {
    bool complete = true;
    extended = extended_size(*stream, bytes.subspan(fixed), complete);
    if (!complete) return true;
  }
  if (bytes.size() < fixed + extended) return true;
  if (extended > 0) header.field = be32(bytes.data() + fixed);
  header.size = fixed + extended;
  return true;
}

// Continuations repeat the extended timestamp (section 5.3.1.3), yet some senders leave it out.
// What follows the header is the timestamp if it has its value, else payload.
size_t ChunkReader::extended_size(const Stream& stream, Bytes rest, bool& complete) const {
  const size_t seen = std::min<size_t>(rest.size(), 4);
  bool possible = false;
  for (const uint32_t value : {stream.field, stream.timestamp}) {
    bool same = true;
    for (size_t i = 0; i < seen; ++i)
      same &= rest[i] == static_cast<uint8_t>(value >> (24 - 8 * i));
    possible |= same;
  }
  complete = !possible || seen == 4;
  return possible ? 4 : 0;
}

// Applies a complete header to its chunk stream and makes that the current one.
bool ChunkReader::start(const Header& header) {
  Stream* stream = find(header.id);
  if (stream == nullptr) {
    // librtmp begins its pings with type 1, so that counts from 0; shorter headers lack a length.
    if (header.format >= 2) {
      fail("chunk stream " + std::to_string(header.id) + " begins without a message length");
      return false;
    }
    stream = add(header.id);
    if (stream == nullptr) {
      fail("more than " + std::to_string(kMaxChunkStreams) + " chunk streams");
      return false;
    }
  }
  current_ = static_cast<size_t>(stream - streams_.data());
  if (stream->partial) {
    if (header.format == 0) {
      fail("a new message begins inside an unfinished one");
      return false;
    }
    if (header.format == 1 && header.length != stream->length) {
      fail("the message length changes inside a message");
      return false;
    }
    return true;
  }
  if (header.format < 2) {
    stream->length = header.length;
    stream->type = header.type;
  }
  if (header.format == 0) {
    stream->stream_id = header.stream_id;
    stream->timestamp = header.field;
  } else {
    // After a type 0 header the delta of a type 3 is that header's timestamp (section 5.3.1.2.4).
    stream->timestamp += header.field;
  }
  stream->field = header.field;
  stream->extended = header.extended;
  stream->received = 0;
  stream->partial = true;
  return true;
}

ChunkReader::Step ChunkReader::finish(Stream& stream, Message& out) {
  out.type = stream.type;
  out.chunk_stream = stream.id;
  out.stream_id = stream.stream_id;
  out.timestamp = stream.timestamp;
  out.payload = {};
  if (stream.data) {
    memory_ -= stream.data.size;
    assert(stream.data.size == stream.length);
    out.payload = std::exchange(stream.data, {}).finish();
  }
  stream.partial = false;
  if (out.type == MessageType::kSetChunkSize || out.type == MessageType::kAbort)
    return control(out);
  return Step::kMessage;
}

// Section 5.4.1 and 5.4.2.
ChunkReader::Step ChunkReader::control(const Message& message) {
  ByteReader reader(message.payload);
  const uint32_t value = reader.u32();
  if (!reader.ok()) return fail("a protocol control message is too short");
  if (message.type == MessageType::kAbort) {
    if (Stream* stream = find(value)) drop(*stream);
    return Step::kAgain;
  }
  const uint32_t size = value & 0x7FFFFFFF;
  if (size == 0) return fail("chunk size 0");
  chunk_size_ = std::min(size, kMaxChunkSize);
  return Step::kAgain;
}

ChunkReader::Step ChunkReader::fail(std::string reason) {
  error_ = std::move(reason);
  return Step::kError;
}

bool ChunkReader::reserve(Stream& stream, uint32_t size) {
  const size_t have = stream.data.size;
  if (size <= have) return true;
  const size_t want =
      std::min<size_t>(stream.length, std::max<size_t>({size, have * kGrowth, kFirstAllocation}));
  // Old and new memory exist together while the bytes move.
  if (want > budget_ || memory_ > budget_ - want) {
    fail("unfinished messages need more than " + std::to_string(budget_) + " bytes");
    return false;
  }
  Slab::Piece larger = slab_.take(want);
  if (stream.received > 0) std::memcpy(larger.data, stream.data.data, stream.received);
  stream.data = std::move(larger);
  memory_ += want - have;
  return true;
}

void ChunkReader::drop(Stream& stream) {
  memory_ -= stream.data.size;
  stream.data = {};
  stream.received = 0;
  stream.partial = false;
}

ChunkReader::Stream* ChunkReader::find(uint32_t id) {
  if (id < low_ids_.size()) return low_ids_[id] > 0 ? &streams_[low_ids_[id] - 1] : nullptr;
  const auto it = std::find_if(streams_.begin(), streams_.end(),
                               [id](const Stream& stream) { return stream.id == id; });
  return it == streams_.end() ? nullptr : &*it;
}

ChunkReader::Stream* ChunkReader::add(uint32_t id) {
  if (streams_.size() == kMaxChunkStreams) return nullptr;
  Stream& stream = streams_.emplace_back();
  stream.id = id;
  if (id < low_ids_.size()) low_ids_[id] = static_cast<uint8_t>(streams_.size());
  return &stream;
}

}  // namespace stream::rtmp
