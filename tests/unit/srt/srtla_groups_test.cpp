#include "srt/srtla_groups.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/bytes.h"

using namespace stream;
using namespace std::chrono_literals;
using srt::SrtlaGroups;
using srt::SrtlaId;
using srt::SrtlaReply;
using Endpoint = SrtlaGroups::Endpoint;
using Wire = std::vector<uint8_t>;

namespace {

Endpoint peer(int host, int port) {
  return {boost::asio::ip::address_v4(0x0A000000u + static_cast<uint32_t>(host)),
          static_cast<uint16_t>(port)};
}

Wire group_registration(uint16_t type, const SrtlaId& id) {
  ByteWriter out;
  out.u16(type);
  out.bytes(id);
  return out.take();
}

SrtlaId id_of(uint8_t fill) {
  SrtlaId id;
  id.fill(fill);
  return id;
}

Wire srt_packet(uint32_t first_word) {
  ByteWriter out;
  out.u32(first_word);
  out.zeros(40);
  return out.take();
}

struct World {
  explicit World(srt::SrtlaLimits limits = {})
      : groups(limits, {[this](const Endpoint& to, Bytes bytes) {
                          sent.emplace_back(to, Wire(bytes.begin(), bytes.end()));
                        },
                        [this](const SrtlaGroups::Group&) { ++gone; },
                        [this](std::span<uint8_t> bytes) {
                          std::fill(bytes.begin(), bytes.end(), next_random++);
                        }}) {}
  SrtlaGroups::Group* in(const Endpoint& from, const Wire& packet) {
    return groups.received(from, packet, now);
  }
  Wire last() const { return sent.empty() ? Wire{} : sent.back().second; }
  // The whole id of a new group.
  SrtlaId make(const Endpoint& from, uint8_t fill) {
    in(from, group_registration(0x9200, id_of(fill)));
    SrtlaId id{};
    REQUIRE(last().size() == 258);
    std::copy_n(last().begin() + 2, id.size(), id.begin());
    return id;
  }

  Nanoseconds now = 1s;
  std::vector<std::pair<Endpoint, Wire>> sent;
  int gone = 0;
  uint8_t next_random = 200;
  SrtlaGroups groups;
};

}  // namespace

TEST_CASE("SrtlaGroups: links join a group, and what they bring is its") {
  World w;
  const SrtlaId id = w.make(peer(1, 10), 7);
  CHECK(id[127] == 7);
  CHECK(id[128] == 200);  // the second half is ours
  w.in(peer(1, 10), group_registration(0x9201, id));
  CHECK(w.last() == srt::srtla_reply(SrtlaReply::kJoined));
  w.in(peer(2, 20), group_registration(0x9201, id));
  w.sent.clear();

  SUBCASE("ten data packets of a link are acknowledged together, on it") {
    for (uint32_t i = 0; i < 10; ++i) {
      CHECK(w.in(peer(1, 10), srt_packet(100 + i)) != nullptr);
      CHECK(w.in(peer(1, 10), srt_packet(0x80030000)) != nullptr);  // control is not counted
      if (i < 9) CHECK(w.in(peer(2, 20), srt_packet(500 + i)) != nullptr);
    }
    REQUIRE(w.sent.size() == 1);
    CHECK(w.sent[0].first == peer(1, 10));
    CHECK(w.last().size() == 44);
    CHECK(w.last()[43] == 109);
  }
  SUBCASE("SRT's acknowledgements go back over each link, the rest over the newest") {
    auto* group = w.in(peer(2, 20), srt_packet(1));
    REQUIRE(group != nullptr);
    w.groups.send(*group, srt_packet(0x80020000));
    CHECK(w.sent.size() == 2);
    w.groups.send(*group, srt_packet(0x80030000));
    REQUIRE(w.sent.size() == 3);
    CHECK(w.sent.back().first == peer(2, 20));
  }
  SUBCASE("keepalives come back, and keep a link") {
    for (int i = 0; i < 30; ++i) {
      w.now += 1s;
      w.in(peer(1, 10), {0x90, 0x00});
      w.groups.tick(w.now);
    }
    CHECK(w.sent.size() == 30);
    CHECK(w.in(peer(1, 10), srt_packet(1)) != nullptr);
    CHECK(w.in(peer(2, 20), srt_packet(1)) == nullptr);  // was silent
    w.in(peer(2, 20), group_registration(0x9201, id));
    CHECK(w.in(peer(2, 20), srt_packet(1)) != nullptr);  // and is there again
  }
  SUBCASE("a group without links is forgotten, and its sender told") {
    w.now += 11s;
    w.groups.tick(w.now);
    CHECK(w.gone == 1);
    CHECK(w.groups.size() == 0);
    w.in(peer(1, 10), group_registration(0x9201, id));
    CHECK(w.last() == srt::srtla_reply(SrtlaReply::kNoGroup));
  }
}

TEST_CASE("SrtlaGroups: what hostile senders can't do") {
  SUBCASE("bring packets without having joined") {
    World w;
    CHECK(w.in(peer(1, 10), srt_packet(1)) == nullptr);
    w.make(peer(1, 10), 7);
    CHECK(w.in(peer(1, 10), srt_packet(1)) == nullptr);
    CHECK(w.in(peer(1, 10), {0x90, 0x00}) == nullptr);
    CHECK(w.sent.size() == 1);
  }
  SUBCASE("join a group whose id they don't know, or two groups") {
    World w;
    const SrtlaId id = w.make(peer(1, 10), 7);
    SrtlaId guessed = id;
    guessed[255] ^= 1;
    w.in(peer(3, 30), group_registration(0x9201, guessed));
    CHECK(w.last() == srt::srtla_reply(SrtlaReply::kNoGroup));
    w.in(peer(1, 10), group_registration(0x9201, id));
    const SrtlaId other = w.make(peer(2, 20), 8);
    w.in(peer(1, 10), group_registration(0x9201, other));
    CHECK(w.last() == srt::srtla_reply(SrtlaReply::kRefused));
    w.in(peer(1, 10), group_registration(0x9200, id_of(9)));
    CHECK(w.last() == srt::srtla_reply(SrtlaReply::kRefused));
  }
  SUBCASE("have more groups or links than there are") {
    srt::SrtlaLimits limits;
    limits.groups = 6;
    limits.groups_per_host = 3;
    limits.links = 2;
    World w(limits);
    const SrtlaId first = w.make(peer(1, 1), 1);
    for (int i = 1; i <= 3; ++i) w.in(peer(1, 100 + i), group_registration(0x9201, first));
    CHECK(w.last() == srt::srtla_reply(SrtlaReply::kRefused));
    w.in(peer(1, 101), srt_packet(1))->admitted = true;
    for (int i = 2; i <= 9; ++i) w.in(peer(1, i), group_registration(0x9200, id_of(9)));
    CHECK(w.last() == srt::srtla_reply(SrtlaReply::kRefused));
    CHECK(w.groups.size() == 4);
    for (int i = 2; i <= 9; ++i) {
      w.now += 1s;
      w.make(peer(i, 1), 3);
    }
    CHECK(w.groups.size() == 6);
    CHECK(w.in(peer(1, 101), srt_packet(2)) != nullptr);  // who was let in stays
  }
  SUBCASE("a repeated question gets the same group") {
    World w;
    const SrtlaId id = w.make(peer(1, 10), 7);
    CHECK(w.make(peer(1, 10), 7) == id);
    CHECK(w.groups.size() == 1);
  }
}
