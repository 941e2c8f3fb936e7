// ServerSession against peers that mean harm or are cut off.
#include <doctest/doctest.h>

#include "unit/rtmp/peer.h"

using namespace stream;
using namespace stream::rtmp;
using amf0::Null;
using amf0::Object;

TEST_CASE("ServerSession: hostile peers") {
  Peer peer;
  SUBCASE("a connect of 100,000 nested objects") {
    peer.hello();
    ByteVector body = amf0::encode("connect", 1);
    for (int i = 0; i < 100'000; ++i) body = std::move(body) + ByteVector{3, 0, 1, 'a'};
    peer.message(MessageType::kCommand, 3, 0, 0, body);
    peer.send();
    CHECK(peer.failure().find("nested too deep") != std::string::npos);
  }
  SUBCASE("announced lengths take no memory before a publish is accepted") {
    peer.connect();
    peer.send();
    for (uint32_t id = 3; id <= 62; ++id) {
      peer.out.u8(static_cast<uint8_t>(id));
      peer.out.u24(0);
      peer.out.u24(0xFFFFFF);
      peer.out.u8(9);
      peer.out.u32_le(1);
      peer.out.zeros(128);
    }
    peer.send();
    CHECK(peer.failure().empty());  // 60 first allocations fit
    for (uint32_t id = 64; id < 100; ++id) {
      peer.out.u8(0);
      peer.out.u8(static_cast<uint8_t>(id - 64));
      peer.out.u24(0);
      peer.out.u24(0xFFFFFF);
      peer.out.u8(9);
      peer.out.u32_le(1);
      peer.out.zeros(128);
    }
    peer.send();
    CHECK_FALSE(peer.failure().empty());
  }
  SUBCASE("a failure inside what was kept ends the session") {
    peer.connect();
    peer.chunk_size(0);
    peer.out.zeros(1000);
    peer.send(false);
    peer.session.accept();
    peer.drain(false);
    CHECK(peer.failure() == "chunk size 0");
    peer.out.zeros(1000);
    peer.send();
    CHECK(peer.all<Failed>().size() == 1);
  }
  SUBCASE("no reason holds a key") {
    for (const char* command : {"publish", "releaseStream"}) {
      Peer one;
      one.start_publishing("canary-key");
      one.command(3, 0, command, 2, Null{}, Null{});
      one.command(3, 0, "connect", 2, "canary-key");
      one.send();
      CHECK(one.failure().find("canary") == std::string::npos);
    }
  }
  SUBCASE("cut at every byte: no event twice, no failure, the rest makes it whole") {
    Peer whole;
    whole.start_publishing();
    Peer source;
    source.connect();
    source.command(3, 0, "createStream", 2, Null{});
    source.command(3, 1, "publish", 3, Null{}, "key", "live");
    source.message(MessageType::kVideo, 6, 1, 0, kAvcConfig);
    const ByteVector bytes = source.out.take();
    for (size_t cut = 0; cut <= bytes.size(); cut += cut < 1530 || cut > 3070 ? 1 : 97) {
      Peer one;
      one.out.bytes(Bytes(bytes).first(cut));
      one.send();
      CHECK(one.failure().empty());
      one.out.bytes(Bytes(bytes).subspan(cut));
      one.send();
      CHECK(one.events.size() == 3);
      CHECK(one.all<Media>().size() == 1);
    }
  }
  SUBCASE("byte by byte") {
    Peer source;
    source.connect();
    source.command(3, 1, "publish", 3, Null{}, "key", "live");
    source.message(MessageType::kVideo, 6, 1, 0, ByteVector(5000, 0x27));
    for (const uint8_t byte : source.out.take()) {
      peer.out.u8(byte);
      peer.send();
    }
    CHECK(peer.all<Media>().empty());  // packet type 0x27 is no AVC
    CHECK(peer.session.publishing());
    CHECK(peer.failure().empty());
  }
  SUBCASE("what isn't RTMP is named") {
    peer.out.text("GET / HTTP/1.1\r\n");
    peer.send();
    CHECK(peer.failure().find("HTTP") != std::string::npos);
  }
}
