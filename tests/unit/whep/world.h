// A stream that is watched, in one process: its publisher, the service, players by real sockets.
#pragma once
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
#include "whep/service.h"

namespace whep_world {

using namespace std::chrono_literals;
using namespace stream;
namespace asio = boost::asio;

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

}  // namespace whep_world
