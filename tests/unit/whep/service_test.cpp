#include "whep/service.h"

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/post.hpp>
#include <future>
#include <set>
#include <thread>

#include "media/bus.h"
#include "rtp/packet.h"
#include "unit/temp_dir.h"
#include "unit/webrtc/offers.h"
#include "unit/webrtc/peer.h"

using namespace std::chrono_literals;
using namespace stream;
namespace asio = boost::asio;

namespace {

// A bus of VP8 pictures on a thread of its own.
struct Publisher {
  asio::io_context io;
  media::Hub hub;
  media::BusServer bus;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::thread thread{[this] { io.run(); }};
  int next = 0;

  explicit Publisher(const char* codec = "vp8", int reorder = 0, const char* name = "demo",
                     int width = 320)
      : bus(io, hub, name) {
    av::Track track;
    track.codec = codec;
    track.width = width;
    track.height = width * 9 / 16;
    track.reorder = reorder;
    on_thread([&] { hub.announce({track}); });
  }
  ~Publisher() {
    io.stop();
    thread.join();
  }
  void on_thread(const std::function<void()>& call) {
    std::promise<void> done;
    asio::post(io, [&] {
      call();
      done.set_value();
    });
    done.get_future().wait();
  }
  void push(bool key, int64_t reordered_ms = 0, size_t size = 300) {
    // A key frame of 320x180 (RFC 6386 9.1), or any other frame.
    std::vector<uint8_t> bytes{0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0x00};
    if (!key) bytes[0] |= 1;
    bytes.resize(size, static_cast<uint8_t>(next));
    av::Packet packet;
    packet.dts = 40 * next++;
    packet.pts = packet.dts + reordered_ms;
    packet.duration = 40;
    packet.key = key;
    packet.data = Buffer::copy(bytes);
    on_thread([&] { hub.push(packet); });
  }
};

struct World {
  RuntimeDir dir;
  asio::io_context io;
  std::vector<std::string> events;
  std::unique_ptr<whep::Service> service;

  World() {
    whep::Service::Options options;
    options.port.host = "127.0.0.1";
    options.port.port = 0;
    service = std::make_unique<whep::Service>(
        io, options, [this](whep::Viewer&, whep::Viewer::Event event, const std::string& reason) {
          static constexpr const char* kNames[] = {"connected", "moved", "slow", "closed"};
          events.push_back(kNames[static_cast<int>(event)] + (reason.empty() ? "" : ": " + reason));
        });
  }
  template <typename Condition>
  bool until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) return false;
      io.run_for(5ms);
    }
    return true;
  }
  std::optional<http::Response> ask(const std::string& method, const std::string& path,
                                    std::string body = {}, const char* type = "application/sdp") {
    http::Request request;
    request.method = method;
    request.path = path;
    request.address = "127.0.0.1";
    request.headers = {{"content-type", type}};
    auto admitted = service->admit(request);
    if (!admitted || admitted->answer) return admitted ? std::move(admitted->answer) : std::nullopt;
    request.body = std::move(body);
    auto response = service->respond(request);
    if (!response || !response->later) return response;
    std::optional<http::Response> answer;
    response->later->on_sent([&](http::Response later) { answer = std::move(later); });
    until([&] { return answer.has_value(); });
    return answer;
  }
};

// A player behind a socket of its own.
struct Player {
  World& world;
  asio::ip::udp::socket socket;
  webrtc::Endpoint to;
  std::array<uint8_t, 2048> space{};
  webrtc::Endpoint from;
  std::unique_ptr<webrtc::Peer> peer;
  std::string location;
  uint8_t payload_type = 0, rtx = 0;

  explicit Player(World& its)
      : world(its),
        socket(its.io, webrtc::Endpoint(asio::ip::make_address("127.0.0.1"), 0)),
        to(asio::ip::make_address("127.0.0.1"), its.service->port()) {}

  void join() {
    peer = std::make_unique<webrtc::Peer>(
        webrtc::IceCredentials{}, webrtc::Fingerprint{}, webrtc::Dtls::Role::kClient,
        [this](Bytes bytes) { socket.send_to(asio::buffer(bytes.data(), bytes.size()), to); });
    std::string offer = webrtc::offers::kSafariViewer;
    const auto replace = [&](const std::string& from_text, const std::string& to_text) {
      for (size_t at = 0; (at = offer.find(from_text, at)) != std::string::npos;
           at += to_text.size())
        offer.replace(at, from_text.size(), to_text);
    };
    replace("a=ice-ufrag:vCWB", "a=ice-ufrag:" + peer->ice.ufrag);
    replace("a=ice-pwd:Dl2c3Jh9BqS0dZyXKkcvkDNr", "a=ice-pwd:" + peer->ice.password);
    const size_t digest = offer.find("a=fingerprint:") + 14;
    replace(offer.substr(digest, offer.find('\r', digest) - digest),
            webrtc::to_text(peer->context.certificate().fingerprint()));
    const auto response = world.ask("POST", "/demo/whep", offer);
    REQUIRE(response);
    REQUIRE(response->status == 201);
    for (const auto& [name, value] : response->headers)
      if (name == "Location") location = value;
    const auto answer = webrtc::parse_description(response->body);
    REQUIRE(answer);
    const auto& video = answer->media[0];
    REQUIRE(video.codecs.size() == 2);
    payload_type = video.codecs[0].payload_type;
    rtx = video.codecs[1].payload_type;
    // The peer is made anew, now that both sides are known.
    const auto ice = peer->ice;
    peer = std::make_unique<webrtc::Peer>(video.ice, video.fingerprints[0],
                                          webrtc::Dtls::Role::kClient, peer->send,
                                          peer->context.certificate());
    peer->ice = ice;
    wait();
    peer->check();
  }
  void wait() {
    socket.async_receive_from(asio::buffer(space), from, [this](auto error, size_t size) {
      if (error) return;
      peer->receive({space.data(), size});
      wait();
    });
  }
  std::vector<rtp::Packet> packets() const {
    std::vector<rtp::Packet> result;
    for (const auto& bytes : peer->received)
      if (!rtp::is_rtcp(bytes)) result.push_back(*rtp::parse_packet(bytes));
    return result;
  }
  void send(const rtp::Rtcp& packet) {
    ByteWriter out;
    rtp::write_rtcp(out, packet);
    std::vector<uint8_t> space_for = out.take();
    const size_t size = space_for.size();
    space_for.resize(size + webrtc::kSrtpRoom);
    const auto sealed = peer->srtp->protect_rtcp(space_for, size);
    REQUIRE(sealed);
    peer->send({space_for.data(), *sealed});
  }
};

}  // namespace

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
