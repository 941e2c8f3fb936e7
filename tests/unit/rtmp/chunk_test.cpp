#include <doctest/doctest.h>

#include "rtmp/chunk_reader.h"
#include "unit/rtmp/peer.h"

using namespace stream;
using namespace stream::rtmp;

namespace {

constexpr size_t kBudget = 4 << 20;

struct Read {
  std::vector<Message> messages;
  std::string error;
  size_t memory = 0;
};

// Feeds `bytes` in pieces of `piece`.
Read read_all(const ByteVector& bytes, size_t piece = SIZE_MAX, size_t budget = kBudget) {
  ChunkReader reader(budget);
  Read result;
  Bytes rest(bytes);
  while (!rest.empty() && result.error.empty()) {
    Bytes in = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(in.size());
    Message message;
    ChunkReader::Status status;
    while ((status = reader.next(in, message)) == ChunkReader::Status::kMessage) {
      result.messages.push_back(message);
    }
    result.error = reader.error();
    CHECK((status == ChunkReader::Status::kError) == !result.error.empty());
  }
  result.memory = reader.memory();
  return result;
}

// Headers by hand, so that what writers never do can be built too.
ByteVector type0(uint32_t id, uint32_t timestamp, uint32_t length, uint8_t type = 9) {
  ByteWriter out;
  out.u8(static_cast<uint8_t>(id));
  out.u24(timestamp >= 0xFFFFFF ? 0xFFFFFF : timestamp);
  out.u24(length);
  out.u8(type);
  out.u32_le(1);
  if (timestamp >= 0xFFFFFF) out.u32(timestamp);
  return out.take();
}
ByteVector type1(uint32_t id, uint32_t delta, uint32_t length, uint8_t type = 9) {
  ByteWriter out;
  out.u8(static_cast<uint8_t>(0x40 | id));
  out.u24(delta >= 0xFFFFFF ? 0xFFFFFF : delta);
  out.u24(length);
  out.u8(type);
  if (delta >= 0xFFFFFF) out.u32(delta);
  return out.take();
}
ByteVector type2(uint32_t id, uint32_t delta) {
  ByteWriter out;
  out.u8(static_cast<uint8_t>(0x80 | id));
  out.u24(delta);
  return out.take();
}
ByteVector type3(uint32_t id) {
  return {static_cast<uint8_t>(0xC0 | id)};
}
ByteVector be32(uint32_t value) {
  ByteWriter out;
  out.u32(value);
  return out.take();
}
ByteVector control(uint8_t type, uint32_t value) {
  return type0(2, 0, 4, type) + be32(value);
}
ByteVector payload(size_t size, uint8_t seed = 1) {
  ByteVector bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(seed + i * 7);
  return bytes;
}

}  // namespace

TEST_CASE("ChunkReader: header formats") {
  const Read read =
      read_all(type0(4, 1000, 2) + ByteVector{1, 2} + type1(4, 40, 3, 8) + ByteVector{3, 4, 5} +
               type2(4, 20) + ByteVector{6, 7, 8} + type3(4) + ByteVector{9, 10, 11});
  REQUIRE(read.messages.size() == 4);
  CHECK(read.messages[0].timestamp == 1000);
  CHECK(read.messages[0].stream_id == 1);
  CHECK(read.messages[0].type == MessageType::kVideo);
  CHECK(read.messages[1].timestamp == 1040);
  CHECK(read.messages[1].type == MessageType::kAudio);
  CHECK(read.messages[1].stream_id == 1);
  CHECK(read.messages[2].timestamp == 1060);
  CHECK(read.messages[3].timestamp == 1080);
  CHECK(read.messages[3].payload == Buffer::copy(ByteVector{9, 10, 11}));

  SUBCASE("type 3 right after type 0 adds the timestamp of that") {
    const Read again = read_all(type0(4, 50, 1) + ByteVector{1} + type3(4) + ByteVector{2});
    CHECK(again.messages.at(1).timestamp == 100);
  }
  SUBCASE("type 1 on a fresh chunk stream counts from 0") {
    CHECK(read_all(type1(2, 7, 1) + ByteVector{1}).messages.at(0).timestamp == 7);
  }
  SUBCASE("types 2 and 3 on a fresh chunk stream are errors") {
    CHECK_FALSE(read_all(type2(4, 7) + ByteVector{1}).error.empty());
    CHECK_FALSE(read_all(type3(4) + ByteVector{1}).error.empty());
  }
  SUBCASE("empty messages are messages") {
    CHECK(read_all(type0(4, 0, 0) + type3(4)).messages.size() == 2);
  }
}

TEST_CASE("ChunkReader: chunk stream ids in one, two and three bytes") {
  const auto with_basic = [](const ByteVector& basic) {
    ByteVector bytes = type0(3, 5, 1) + ByteVector{9};
    bytes.erase(bytes.begin());
    return read_all(basic + bytes).messages.at(0).chunk_stream;
  };
  CHECK(with_basic({3}) == 3);
  CHECK(with_basic({63}) == 63);
  CHECK(with_basic({0, 0}) == 64);
  CHECK(with_basic({0, 255}) == 319);
  CHECK(with_basic({1, 0, 0}) == 64);  // longer than need be
  CHECK(with_basic({1, 2, 1}) == 322);
  CHECK(with_basic({1, 255, 255}) == 65599);
}

TEST_CASE("ChunkReader: what ChunkWriter writes, at every piece size") {
  for (const uint32_t chunk_size : {1u, 2u, 127u, 128u, 4096u, kMaxChunkSize}) {
    ChunkWriter writer;
    ByteWriter out;
    writer.write(out, MessageType::kSetChunkSize, 2, 0, 0, be32(chunk_size));
    writer.set_chunk_size(chunk_size);
    const std::vector<uint32_t> ids = {3, 63, 64, 319, 320, 65599};
    const std::vector<uint32_t> times = {0, 40, 0xFFFFFE, 0xFFFFFF, 0x1000000, 0xFFFFFFF0, 20};
    for (const uint32_t time : times) {
      for (const uint32_t id : ids) {
        writer.write(out, MessageType::kVideo, id, 1, time, payload(300 + id % 7));
      }
    }
    const ByteVector bytes = out.take();
    for (const size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{17}, SIZE_MAX}) {
      const Read read = read_all(bytes, piece);
      CHECK(read.error.empty());
      CHECK(read.memory == 0);
      REQUIRE(read.messages.size() == ids.size() * times.size());
      for (size_t i = 0; i < read.messages.size(); ++i) {
        const uint32_t id = ids[i % ids.size()];
        CHECK(read.messages[i].chunk_stream == id);
        CHECK(read.messages[i].timestamp == times[i / ids.size()]);
        CHECK(read.messages[i].payload == Buffer::copy(payload(300 + id % 7)));
      }
    }
  }
}

TEST_CASE("ChunkReader: interleaved messages, and padding behind a payload") {
  const ByteVector video = payload(200, 3), audio = payload(150, 5);
  const auto part = [](const ByteVector& bytes, size_t from, size_t to) {
    return ByteVector(bytes.begin() + from, bytes.begin() + to);
  };
  const Read read =
      read_all(type0(6, 1, 200) + part(video, 0, 128) + type0(4, 2, 150, 8) + part(audio, 0, 128) +
               type3(6) + part(video, 128, 200) + type3(4) + part(audio, 128, 150));
  REQUIRE(read.messages.size() == 2);
  CHECK(read.messages[0].payload == Buffer::copy(video));
  CHECK(read.messages[1].payload == Buffer::copy(audio));
  for (size_t i = 0; i < Buffer::kPadding; ++i) CHECK(read.messages[0].payload.end()[i] == 0);
}

TEST_CASE("ChunkReader: extended timestamps in both habits (R13)") {
  const ByteVector body = payload(300, 9);
  const auto part = [&](size_t from, size_t to) {
    return ByteVector(body.begin() + from, body.begin() + to);
  };
  for (const uint32_t time : {0xFFFFFFu, 16'777'216u, 0xFFFFFFFFu}) {
    const ByteVector head = type0(6, time, 300) + part(0, 128);
    const ByteVector next = type1(6, 33, 1) + ByteVector{1};
    const ByteVector repeated =
        head + type3(6) + be32(time) + part(128, 256) + type3(6) + be32(time) + part(256, 300);
    const ByteVector left_out = head + type3(6) + part(128, 256) + type3(6) + part(256, 300);
    for (const ByteVector& bytes : {repeated + next, left_out + next}) {
      for (const size_t piece : {size_t{1}, size_t{2}, size_t{130}, SIZE_MAX}) {
        const Read read = read_all(bytes, piece);
        REQUIRE(read.messages.size() == 2);
        CHECK(read.messages[0].timestamp == time);
        CHECK(read.messages[0].payload == Buffer::copy(body));
        CHECK(read.messages[1].timestamp == time + 33);  // modulo 2^32
      }
    }
  }
  SUBCASE("a last piece shorter than the field, left out, isn't waited upon") {
    const Read read =
        read_all(type0(6, 0x01020304, 130) + payload(128) + type3(6) + ByteVector{9, 9});
    CHECK(read.messages.size() == 1);
  }
  SUBCASE("payload that begins like the field, left out, at every piece size") {
    const ByteVector bytes = type0(6, 0x01020304, 134) + payload(128) + type3(6) +
                             ByteVector{1, 2, 3, 9, 9, 9} + type1(6, 1, 1) + ByteVector{1};
    for (size_t piece = 1; piece < 12; ++piece) {
      const Read read = read_all(bytes, piece);
      REQUIRE(read.messages.size() == 2);
      CHECK(read.messages[0].payload.slice(128) == Buffer::copy(ByteVector{1, 2, 3, 9, 9, 9}));
    }
  }
  SUBCASE("an extended delta") {
    const Read read = read_all(type0(6, 5, 1) + ByteVector{1} + type1(6, 0x01000000, 1) +
                               ByteVector{2} + type3(6) + be32(0x01000000) + ByteVector{3});
    REQUIRE(read.messages.size() == 3);
    CHECK(read.messages[1].timestamp == 0x01000005);
    CHECK(read.messages[2].timestamp == 0x02000005);
  }
  SUBCASE("the field with chunk size 1, byte by byte") {
    ByteVector bytes = control(1, 1) + type0(6, 0x01020304, 5) + ByteVector{1};
    for (const uint8_t byte : {1, 2, 3, 4}) bytes = bytes + type3(6) + ByteVector{byte};
    CHECK(read_all(bytes, 1).messages.at(0).payload == Buffer::copy(ByteVector{1, 1, 2, 3, 4}));
  }
}

TEST_CASE("ChunkReader: Set Chunk Size") {
  SUBCASE("0 is an error (R03)") {
    CHECK(read_all(control(1, 0)).error == "chunk size 0");
    CHECK(read_all(control(1, 0x80000000)).error == "chunk size 0");
  }
  SUBCASE("huge sizes are cut and take no memory (R02, R12)") {
    for (const uint32_t size : {134'217'728u, 0x7FFFFFFFu, 0xFFFFFFFFu}) {
      const Read read = read_all(control(1, size) + type0(6, 0, 5000) + payload(5000));
      CHECK(read.error.empty());
      CHECK(read.messages.at(0).payload == Buffer::copy(payload(5000)));
    }
  }
  SUBCASE("acts on the very next chunk, inside a message of another chunk stream too") {
    const ByteVector body = payload(300);
    const Read read =
        read_all(type0(6, 0, 300) + ByteVector(body.begin(), body.begin() + 128) + control(1, 172) +
                 type3(6) + ByteVector(body.begin() + 128, body.end()));
    CHECK(read.messages.at(0).payload == Buffer::copy(body));
  }
  SUBCASE("too short") {
    CHECK_FALSE(read_all(type0(2, 0, 3, 1) + payload(3)).error.empty());
  }
  SUBCASE("1 works (R04)") {
    ChunkWriter writer;
    ByteWriter out;
    writer.set_chunk_size(1);
    writer.write(out, MessageType::kVideo, 6, 1, 0, payload(200'000));
    const Read read = read_all(control(1, 1) + out.take(), 65536);
    CHECK(read.messages.at(0).payload == Buffer::copy(payload(200'000)));
  }
}

TEST_CASE("ChunkReader: Abort drops the unfinished message and its memory") {
  const Read read = read_all(type0(6, 0, 300) + payload(128) + control(2, 6) + control(2, 999) +
                             type0(6, 7, 2) + ByteVector{1, 2});
  CHECK(read.error.empty());
  REQUIRE(read.messages.size() == 1);
  CHECK(read.messages[0].timestamp == 7);
  CHECK(read.memory == 0);
}

TEST_CASE("ChunkReader: contradictions inside a message (R09)") {
  SUBCASE("a shorter length") {
    const Read read =
        read_all(type0(6, 0, 100'000) + payload(128) + type1(6, 0, 200) + payload(72));
    CHECK(read.error == "the message length changes inside a message");
  }
  SUBCASE("a longer length") {
    const Read read =
        read_all(type0(6, 0, 200) + payload(128) + type1(6, 0, 100'000) + payload(128));
    CHECK(read.error == "the message length changes inside a message");
  }
  SUBCASE("a new message") {
    const Read read = read_all(type0(6, 0, 200) + payload(128) + type0(6, 0, 200) + payload(128));
    CHECK(read.error == "a new message begins inside an unfinished one");
  }
  SUBCASE("the same length again is a continuation") {
    const Read read = read_all(type0(6, 0, 200) + payload(128) + type1(6, 0, 200) + payload(72));
    CHECK(read.messages.size() == 1);
    CHECK(read.messages[0].timestamp == 0);
  }
}

TEST_CASE("ChunkReader: memory follows what arrives, up to the budget (R01)") {
  SUBCASE("announced lengths alone take little") {
    ByteVector bytes;
    for (uint32_t id = 3; id < 63; ++id) bytes = bytes + type0(id, 0, 0xFFFFFF) + payload(128);
    const Read read = read_all(bytes);
    CHECK(read.error.empty());
    CHECK(read.memory <= kBudget);
  }
  SUBCASE("a message beyond the budget") {
    ByteVector bytes = control(1, 0xFFFFFF) + type0(6, 0, 0xFFFFFF);
    bytes.resize(bytes.size() + (5 << 20));
    const Read read = read_all(bytes, 65536);
    CHECK(read.error == "unfinished messages need more than 4194304 bytes");
    CHECK(read.memory <= kBudget);
  }
  SUBCASE("the longest message of all fits 32 MiB") {
    ByteVector bytes = control(1, 0xFFFFFF) + type0(6, 0, 0xFFFFFF);
    bytes.resize(bytes.size() + 0xFFFFFF);
    const Read read = read_all(bytes, 1 << 20, 32 << 20);
    CHECK(read.messages.at(0).payload.size() == 0xFFFFFF);
  }
  SUBCASE("too many chunk streams") {
    ByteVector bytes;
    for (uint8_t id = 0; id < kMaxChunkStreams + 1; ++id) {
      ByteVector one = type0(3, 0, 1) + ByteVector{1};
      one.erase(one.begin());
      bytes = bytes + ByteVector{0, id} + one;
    }
    const Read read = read_all(bytes);
    CHECK(read.messages.size() == kMaxChunkStreams);
    CHECK(read.error == "more than 64 chunk streams");
  }
}

TEST_CASE("ChunkReader: input that ends anywhere is no error") {
  const ByteVector bytes =
      type0(6, 0x01020304, 200) + payload(128) + type3(6) + be32(0x01020304) + payload(72);
  for (size_t cut = 0; cut < bytes.size(); ++cut) {
    const Read read = read_all(ByteVector(bytes.begin(), bytes.begin() + cut));
    CHECK(read.messages.empty());
    CHECK(read.error.empty());
  }
}
