// The receiving half of the chunk stream, RTMP 1.0 section 5.3: bytes in, whole messages out.
// Parses in place and copies payload once, into the message's own memory. Set Chunk Size and Abort
// act here and aren't delivered. Memory grows with what arrives, never with what is announced, up
// to a budget over all unfinished messages.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/slab.h"
#include "rtmp/message.h"

namespace stream::rtmp {

inline constexpr uint32_t kDefaultChunkSize = 128;
inline constexpr uint32_t kMaxChunkSize = 0xFFFFFF;  // larger makes no sense: no message is longer
inline constexpr size_t kMaxChunkStreams = 64;
// In place of a time or a distance of 24 bits: one of 32 follows the header.
inline constexpr uint32_t kExtendedTime = 0xFFFFFF;

class ChunkReader {
 public:
  enum class Status { kNeedMore, kMessage, kError };

  explicit ChunkReader(size_t budget) : budget_(budget) {}

  // Takes bytes off the front of `in` until a message is complete (kMessage) or all are taken
  // (kNeedMore). After kError, which is for good, error() says why.
  Status next(Bytes& in, Message& out);

  void set_budget(size_t bytes) { budget_ = bytes; }
  size_t memory() const noexcept { return memory_; }
  uint32_t chunk_size() const noexcept { return chunk_size_; }
  const std::string& error() const noexcept { return error_; }

 private:
  struct Stream {
    uint32_t id = 0;
    uint32_t timestamp = 0;
    uint32_t field = 0;     // timestamp or delta of the last header, extended or not
    bool extended = false;  // that field needed the extended form
    bool partial = false;   // a message is in progress
    MessageType type{};
    uint32_t stream_id = 0;
    uint32_t length = 0;
    uint32_t received = 0;
    Slab::Piece data;  // none until payload comes
  };
  struct Header {
    int format = 0;
    uint32_t id = 0;
    size_t size = 0;  // on the wire; 0: not all there yet
    uint32_t field = 0;
    bool extended = false;
    uint32_t length = 0;
    MessageType type{};
    uint32_t stream_id = 0;
  };
  enum class Step { kAgain, kNeedMore, kMessage, kError };

  Step step(Bytes source, size_t& used, Message& out);
  Step begin_chunk(Bytes source, size_t& used);
  bool copy_payload(Stream& stream, Bytes source, size_t& used);
  Step finish(Stream& stream, Message& out);
  Step control(const Message& message);
  Step fail(std::string reason);
  bool parse(Bytes bytes, Header& header);
  size_t extended_size(const Stream& stream, Bytes rest, bool& complete) const;
  bool start(const Header& header);
  bool reserve(Stream& stream, uint32_t size);
  void drop(Stream& stream);
  Stream* find(uint32_t id);
  Stream* add(uint32_t id);

  // A header cut by the end of the input, at most 18 bytes, waits here; the rest of the array takes
  // what follows it, so that it can be parsed in one piece.
  std::array<uint8_t, 32> carry_{};
  size_t carried_ = 0;
  std::vector<Stream> streams_;
  std::array<uint8_t, 64> low_ids_{};  // index in streams_ plus one, for ids below 64
  size_t current_ = 0;
  uint32_t chunk_left_ = 0;
  bool in_chunk_ = false;
  uint32_t chunk_size_ = kDefaultChunkSize;
  size_t budget_;
  size_t memory_ = 0;
  Slab slab_;
  std::string error_;
};

}  // namespace stream::rtmp
