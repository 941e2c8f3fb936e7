#include "whep/service.h"

#include <doctest/doctest.h>

#include "unit/whep/world.h"

using namespace whep_world;

TEST_CASE("a viewer begins with the pictures since the key frame, and is helped over losses") {
  World world;
  Publisher publisher;
  publisher.push(true);
  for (int i = 0; i < 20; ++i) publisher.push(false);
  Player player(world);
  player.join();
  REQUIRE(world.until([&] { return player.peer->srtp && player.packets().size() == 21; }));
  auto packets = player.packets();
  for (size_t i = 1; i < packets.size(); ++i) {
    CHECK(packets[i].timestamp - packets[i - 1].timestamp == 1);  // to be hurried through
    CHECK(packets[i].sequence == static_cast<uint16_t>(packets[i - 1].sequence + 1));
  }
  const uint32_t newest = packets.back().timestamp, ssrc = packets[0].ssrc;
  publisher.push(false);
  REQUIRE(world.until([&] { return player.packets().size() == 22; }));
  CHECK(player.packets().back().timestamp - newest == 3600);

  SUBCASE("NACK") {
    player.send(rtp::Nack{1, ssrc, {packets[5].sequence}});
    REQUIRE(world.until([&] { return player.packets().size() == 23; }));
    const auto again = player.packets().back();
    CHECK(again.payload_type == player.rtx);
    CHECK((again.payload[0] << 8 | again.payload[1]) == packets[5].sequence);
  }
  SUBCASE("PLI: again from the key frame, the first time at once and then each second at most") {
    player.send(rtp::Pli{1, ssrc});
    REQUIRE(world.until([&] { return player.packets().size() == 44; }));
    const auto all = player.packets();
    CHECK(all[22].timestamp == all[21].timestamp + 1);
    CHECK((all[22].payload.back()) == all[0].payload.back());
    player.send(rtp::Pli{1, ssrc});
    world.io.run_for(1100ms);
    CHECK(player.packets().size() == 44);
    player.send(rtp::Pli{1, ssrc});
    REQUIRE(world.until([&] { return player.packets().size() == 66; }));
  }
  SUBCASE("loss that stays: this viewer waits for the next key frame, no other") {
    Player other(world);
    other.join();
    REQUIRE(world.until([&] { return other.peer->srtp && other.packets().size() == 22; }));
    rtp::ReportBlock block;
    block.ssrc = ssrc;
    REQUIRE(world.until([&] {
      block.highest_sequence += 2;
      block.lost += 1;
      player.send(rtp::ReceiverReport{1, {block}});
      return world.events.back() == "slow";
    }));
    publisher.push(false);
    REQUIRE(world.until([&] { return other.packets().size() == 23; }));
    CHECK(player.packets().size() == 22);
    publisher.push(true);
    REQUIRE(world.until([&] { return player.packets().size() == 23; }));
  }
  SUBCASE("DELETE") {
    CHECK(world.ask("DELETE", "/demo/whep/other")->status == 404);
    CHECK(world.ask("DELETE", player.location)->status == 200);
    CHECK(world.ask("DELETE", player.location)->status == 404);
    CHECK(world.events.back() == "closed: the player stopped");
    CHECK(world.service->viewers() == 0);
  }
  SUBCASE("the stream ends") {
    publisher.on_thread([&] {
      publisher.bus.close();
      publisher.hub.end();
    });
    REQUIRE(world.until([&] { return world.service->viewers() == 0; }));
    CHECK(world.events.back() == "closed: the stream demo is not live");
  }
}

TEST_CASE("a large group of pictures comes in portions, whole and in order") {
  World world;
  Publisher publisher;
  // More than a portion, and less than the player's socket holds: nobody asks for what is lost
  // here.
  publisher.push(true, 0, 40'000);
  for (int i = 0; i < 50; ++i) publisher.push(false, 0, 1'000);
  Player player(world);
  player.join();
  const auto markers = [&] {
    const auto all = player.packets();
    return std::count_if(all.begin(), all.end(), [](const rtp::Packet& p) { return p.marker; });
  };
  REQUIRE(world.until([&] { return player.peer->srtp && markers() >= 1; }));
  publisher.push(false);  // has its turn behind them
  REQUIRE(world.until([&] { return markers() == 52; }));
  const auto packets = player.packets();
  for (size_t i = 1; i < packets.size(); ++i) {
    CHECK(packets[i].sequence == static_cast<uint16_t>(packets[i - 1].sequence + 1));
    CHECK(packets[i].timestamp - packets[i - 1].timestamp < 4000);
  }
}

TEST_CASE("many small pictures come in portions too: no socket holds all of them") {
  World world;
  Publisher publisher;
  publisher.push(true, 0, 1'000);
  for (int i = 0; i < 239; ++i) publisher.push(false, 0, 1'000);
  Player player(world);
  player.join();
  REQUIRE(world.until([&] { return player.peer->srtp && player.packets().size() == 240; }));
  const auto packets = player.packets();
  for (size_t i = 1; i < packets.size(); ++i)
    CHECK(packets[i].sequence == static_cast<uint16_t>(packets[i - 1].sequence + 1));
}

TEST_CASE("a viewer watches a rung of the ladder, and is moved to a smaller one by its losses") {
  World world;
  Publisher source("vp8", 2);  // with B-frames
  for (int i = 0; i < 200; ++i) source.push(i == 0, i % 2 == 0 ? 80 : 0);
  Publisher small("vp8", 0, "demo/180p"), large("vp8", 0, "demo/360p", 640);
  const auto push = [&](bool key) {
    large.push(key, 0, 900);
    small.push(key, 0, 300);
  };
  push(true);
  for (int i = 0; i < 20; ++i) push(false);
  Player player(world);
  player.join();
  REQUIRE(world.until([&] { return player.peer->srtp && player.packets().size() == 21; }));
  const auto first = player.packets()[0];
  CHECK(first.payload.size() > 900);
  CHECK(world.service->watching()[0].rung == "360p");

  rtp::ReportBlock block;
  block.ssrc = first.ssrc;
  int turns = 0;
  REQUIRE(world.until([&] {
    block.highest_sequence += 2;
    block.lost += 1;
    player.send(rtp::ReceiverReport{1, {block}});
    if (++turns % 50 == 0) push(true);
    return world.events.back() == "moved: packets get lost";
  }));
  CHECK(world.service->watching()[0].rung == "180p");
  push(false);
  REQUIRE(world.until([&] { return player.packets().back().payload.size() < 400; }));
  world.io.run_for(50ms);
  const auto packets = player.packets();
  for (size_t i = 1; i < packets.size(); ++i) {
    CHECK(packets[i].sequence == static_cast<uint16_t>(packets[i - 1].sequence + 1));
    CHECK(static_cast<int32_t>(packets[i].timestamp - packets[i - 1].timestamp) > 0);
  }
  // What was sent of the other rung can still be asked for.
  const auto wide = std::find_if(packets.rbegin(), packets.rend(),
                                 [](const auto& packet) { return packet.payload.size() > 900; });
  REQUIRE(wide != packets.rend());
  player.send(rtp::Nack{1, first.ssrc, {wide->sequence}});
  REQUIRE(world.until([&] { return player.packets().size() > packets.size(); }));
  CHECK(player.packets().back().payload_type == player.rtx);
  CHECK(player.packets().back().payload.size() == wide->payload.size() + 2);
}

TEST_CASE("what was lost of a rung does not hold up the smaller one that follows") {
  World world;
  Publisher small("vp8", 0, "demo/180p"), large("vp8", 0, "demo/360p", 640);
  const auto push = [&](bool key) {
    large.push(key, 0, 900);
    small.push(key, 0, 300);
  };
  push(true);
  for (int i = 0; i < 20; ++i) push(false);
  Player player(world);
  player.join();
  REQUIRE(world.until([&] { return player.peer->srtp && player.packets().size() == 21; }));
  rtp::ReportBlock block;
  block.ssrc = player.packets()[0].ssrc;
  // Losses are measured each second. The first that matter are of the second one, after which it is
  // moved; those of the third are still from before.
  const auto begun = std::chrono::steady_clock::now();
  int turns = 0;
  REQUIRE(world.until([&] {
    const auto passed = std::chrono::steady_clock::now() - begun;
    block.highest_sequence += 2;
    block.lost += passed > 1300ms && passed < 3200ms ? 2 : 0;
    player.send(rtp::ReceiverReport{1, {block}});
    if (passed > 1300ms && ++turns % 10 == 0) push(true);
    return passed > 4500ms;
  }));
  CHECK(world.service->watching()[0].rung == "180p");
  CHECK(std::count(world.events.begin(), world.events.end(), "slow") == 0);
}

TEST_CASE("rungs that no browser plays are passed over") {
  World world;
  Publisher source, rung("vp8", 2, "demo/180p");
  for (int i = 0; i < 200; ++i) rung.push(i == 0, i % 2 == 0 ? 80 : 0);
  for (int i = 0; i < 21; ++i) source.push(i == 0);
  Player player(world);
  player.join();
  REQUIRE(world.until([&] { return player.peer->srtp && player.packets().size() == 21; }));
  CHECK(world.service->watching()[0].rung.empty());
}

TEST_CASE("what cannot be played is refused") {
  World world;
  CHECK(world.ask("POST", "/demo/whep", webrtc::offers::kSafariViewer)->status == 404);
  CHECK_FALSE(world.ask("POST", "/demo/live"));
  CHECK(world.ask("POST", "/demo/whep", "x", "text/plain")->status == 415);
  SUBCASE("B-frames") {
    Publisher publisher("vp8", 2);
    for (int i = 0; i < 200; ++i) publisher.push(i == 0, i % 2 == 0 ? 80 : 0);
    const auto refusal = world.ask("POST", "/demo/whep", webrtc::offers::kSafariViewer);
    CHECK(refusal->status == 406);
    CHECK(refusal->body.find("B-frames") != std::string::npos);
    CHECK(refusal->body.find("stream-ladder --low-delay --bus") != std::string::npos);
  }
  SUBCASE("a codec that is not for browsers") {
    Publisher publisher("flv1");
    for (int i = 0; i < 200; ++i) publisher.push(i == 0);
    CHECK(world.ask("POST", "/demo/whep", webrtc::offers::kSafariViewer)->status == 406);
  }
}
