#include "rtmp/handshake.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "unit/rtmp/peer.h"

using namespace stream;
using namespace stream::rtmp;

namespace {

ByteVector hmac(const ByteVector& key, const ByteVector& data) {
  ByteVector out(32);
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), data.data(), data.size(), out.data(),
       nullptr);
  return out;
}

const ByteVector kKeyEnd = {0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0,
                            0xD1, 0x02, 0x9E, 0x7E, 0x57, 0x6E, 0xEC, 0x5D, 0x2D, 0x29, 0x80,
                            0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE};

size_t position(const ByteVector& block, int scheme) {
  const size_t at = scheme == 0 ? 8 : 772;
  return (block[at] + block[at + 1] + block[at + 2] + block[at + 3]) % 728 + at + 4;
}

ByteVector digest(const ByteVector& block, size_t at, const char* key) {
  ByteVector rest = block;
  rest.erase(rest.begin() + at, rest.begin() + at + 32);
  return hmac(text_bytes(key), rest);
}

ByteVector c1_with_digest(int scheme) {
  ByteVector c1(kHandshakeSize);
  for (size_t i = 8; i < c1.size(); ++i) c1[i] = static_cast<uint8_t>(i * 31);
  const ByteVector version = {9, 0, 124, 2};
  std::copy(version.begin(), version.end(), c1.begin() + 4);
  const size_t at = position(c1, scheme);
  const ByteVector own = digest(c1, at, "Genuine Adobe Flash Player 001");
  std::copy(own.begin(), own.end(), c1.begin() + at);
  return c1;
}

struct Answer {
  HandshakeStatus status = HandshakeStatus::kNeedMore;
  ByteVector s0s1s2;
  size_t left = 0;
  bool digest = false;
};

Answer answer(const ByteVector& bytes, size_t piece = SIZE_MAX) {
  ServerHandshake handshake;
  ByteWriter out;
  Answer result;
  Bytes rest(bytes);
  while (!rest.empty() && result.status == HandshakeStatus::kNeedMore) {
    Bytes in = rest.first(std::min(piece, rest.size()));
    const size_t size = in.size();
    result.status = handshake.feed(in, out);
    rest = rest.subspan(size - in.size());
  }
  result.left = rest.size();
  result.s0s1s2 = out.take();
  result.digest = handshake.digest();
  return result;
}

}  // namespace

TEST_CASE("ServerHandshake: simple") {
  ByteVector c1(kHandshakeSize);
  for (size_t i = 8; i < c1.size(); ++i) c1[i] = static_cast<uint8_t>(i);
  const ByteVector bytes = ByteVector{3} + c1 + ByteVector(kHandshakeSize, 0xEE) + ByteVector{1, 2};
  for (const size_t piece : {size_t{1}, size_t{1000}, SIZE_MAX}) {
    const Answer got = answer(bytes, piece);
    CHECK(got.status == HandshakeStatus::kDone);
    CHECK(got.left == 2);
    CHECK_FALSE(got.digest);
    REQUIRE(got.s0s1s2.size() == 1 + 2 * kHandshakeSize);
    CHECK(got.s0s1s2[0] == 3);
    for (size_t i = 1; i < 9; ++i) CHECK(got.s0s1s2[i] == 0);
    CHECK(std::equal(c1.begin(), c1.end(), got.s0s1s2.end() - kHandshakeSize));
  }
}

TEST_CASE("ServerHandshake: digest schemes 0 and 1 are answered in kind") {
  for (const int scheme : {0, 1}) {
    const ByteVector c1 = c1_with_digest(scheme);
    const Answer got = answer(ByteVector{3} + c1);
    CHECK(got.digest);
    REQUIRE(got.s0s1s2.size() == 1 + 2 * kHandshakeSize);
    const ByteVector s1(got.s0s1s2.begin() + 1, got.s0s1s2.begin() + 1 + kHandshakeSize);
    const ByteVector s2(got.s0s1s2.end() - kHandshakeSize, got.s0s1s2.end());
    CHECK(s1[4] >= 3);
    const size_t at = position(s1, scheme);
    CHECK(ByteVector(s1.begin() + at, s1.begin() + at + 32) ==
          digest(s1, at, "Genuine Adobe Flash Media Server 001"));
    const size_t theirs = position(c1, scheme);
    const ByteVector key = hmac(text_bytes("Genuine Adobe Flash Media Server 001") + kKeyEnd,
                                ByteVector(c1.begin() + theirs, c1.begin() + theirs + 32));
    CHECK(ByteVector(s2.end() - 32, s2.end()) == hmac(key, ByteVector(s2.begin(), s2.end() - 32)));
  }
}

TEST_CASE("ServerHandshake: other versions are refused at the first byte") {
  for (const uint8_t version : {0, 1, 6, 8, 9, 0x16, int{'G'}, 255}) {
    const Answer got = answer(ByteVector{version});
    CHECK(got.status == HandshakeStatus::kError);
    CHECK(got.s0s1s2.empty());
  }
  ServerHandshake handshake;
  ByteWriter out;
  const ByteVector bytes = {6};
  Bytes in(bytes);
  handshake.feed(in, out);
  CHECK(handshake.error().find("RTMPE") != std::string::npos);
}

TEST_CASE("ServerHandshake: nothing is answered before C1 is whole") {
  const ByteVector c1 = c1_with_digest(0);
  for (size_t cut = 0; cut < kHandshakeSize; cut += 13) {
    const Answer got = answer(ByteVector{3} + ByteVector(c1.begin(), c1.begin() + cut));
    CHECK(got.status == HandshakeStatus::kNeedMore);
    CHECK(got.s0s1s2.empty());
  }
}

TEST_CASE("ClientHandshake and ServerHandshake finish with each other") {
  ServerHandshake server;
  ClientHandshake client;
  ByteWriter to_server, to_client;
  ClientHandshake::begin(to_server);
  const ByteVector hello = to_server.take();
  Bytes in(hello);
  CHECK(server.feed(in, to_client) == HandshakeStatus::kNeedMore);
  const ByteVector reply = to_client.take();
  in = Bytes(reply);
  CHECK(client.feed(in, to_server) == HandshakeStatus::kDone);
  const ByteVector echo = to_server.take();
  CHECK(std::equal(echo.begin(), echo.end(), reply.begin() + 1));
  in = Bytes(echo);
  CHECK(server.feed(in, to_client) == HandshakeStatus::kDone);
}
