// ClientSession against our own ServerSession, joined in memory, and against scripted answers.
#include "rtmp/client_session.h"

#include <doctest/doctest.h>

#include "rtmp/control.h"
#include "rtmp/flv_writer.h"
#include "rtmp/handshake.h"
#include "rtmp/server_session.h"

using namespace stream;
using namespace stream::rtmp;
using amf0::Null;
using amf0::Object;
using ByteVector = std::vector<uint8_t>;

namespace {

ClientOptions options() {
  ClientOptions options;
  options.app = "live";
  options.tc_url = "rtmp://h/live";
  options.key = Secret("key?x=1");
  options.chunk_size = 4096;
  return options;
}

// The two of them with a wire that cuts what it carries into pieces.
struct Pair {
  ClientSession client;
  ServerSession server;
  size_t piece;
  std::vector<ClientEvent> said;
  std::vector<Event> heard;
  ByteVector to_client;  // all that the server sent

  explicit Pair(ClientOptions client_options = options(), size_t cut = 1000)
      : client(std::move(client_options)), piece(cut) {}

  void run(bool accept = true) {
    for (bool moved = true; moved;) {
      const ByteVector up = client.take_output(), down = server.take_output();
      moved = !up.empty() || !down.empty();
      to_client.insert(to_client.end(), down.begin(), down.end());
      deliver(up, accept);
      for (size_t at = 0; at < down.size(); at += piece) {
        client.feed(Bytes(down).subspan(at).first(std::min(piece, down.size() - at)));
        while (auto event = client.next()) said.push_back(std::move(*event));
      }
    }
  }
  void deliver(Bytes up, bool accept = true) {
    for (size_t at = 0; at < up.size(); at += piece) {
      server.feed(up.subspan(at).first(std::min(piece, up.size() - at)));
      while (auto event = server.next()) {
        heard.push_back(std::move(*event));
        const bool publish = std::holds_alternative<PublishRequested>(heard.back());
        if (publish && !accept) server.reject(status::kBadName, "no such key");
        if (publish || std::holds_alternative<ConnectRequested>(heard.back())) server.accept();
      }
    }
  }
  void media(const SharedMessage& message, uint32_t timestamp) {
    std::vector<Buffer> pieces;
    client.media(pieces, message, timestamp);
    ByteVector bytes;
    for (const Buffer& one : pieces) bytes.insert(bytes.end(), one.begin(), one.end());
    deliver(bytes);
  }
  template <typename T>
  std::vector<T> all() const {
    std::vector<T> found;
    for (const Event& event : heard) {
      if (const T* one = std::get_if<T>(&event)) found.push_back(*one);
    }
    return found;
  }
  template <typename T>
  const T* last() const {
    return said.empty() ? nullptr : std::get_if<T>(&said.back());
  }
};

SharedMessage frame(uint32_t timestamp, uint32_t delta, const ByteVector& data, bool key = true) {
  return make_shared(MessageType::kVideo, 6, timestamp, delta, 4096,
                     video_head("h264", PacketType::kFrame, key, 40), data);
}

// What a server says, message by message, without a state of its own.
struct Script {
  ChunkWriter writer;
  ByteWriter out;

  Script() {
    out.u8(3);
    out.zeros(2 * kHandshakeSize);
  }
  template <typename... Values>
  Script& command(uint32_t stream_id, const Values&... values) {
    writer.write(out, MessageType::kCommand, 3, stream_id, 0, amf0::encode(values...));
    return *this;
  }
  Script& connected(const Object& info = Object{{"code", "NetConnection.Connect.Success"}}) {
    return command(0, "_result", 1, Object{{"fmsVer", "x"}}, info);
  }
  Script& status(const Object& info) { return command(1, "onStatus", 0, Null{}, info); }
  Script& started() {
    connected();
    command(0, "_result", 4, Null{}, 1);
    return status(Object{{"level", "status"}, {"code", "NetStream.Publish.Start"}});
  }
  std::vector<ClientEvent> play(ClientSession& session) {
    session.feed(out.take());
    std::vector<ClientEvent> events;
    while (auto event = session.next()) events.push_back(std::move(*event));
    return events;
  }
  ClientEvent last() {
    ClientSession session(options());
    auto events = play(session);
    return events.empty() ? ClientFailed{"nothing"} : events.back();
  }
};

}  // namespace

TEST_CASE("ClientSession publishes to ServerSession") {
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{5000}}) {
    Pair pair(options(), piece);
    pair.run();
    REQUIRE(pair.client.phase() == ClientSession::Phase::kStarted);
    CHECK(std::holds_alternative<PeerConnected>(pair.said.front()));
    CHECK(pair.last<PublishStarted>() != nullptr);
    const auto connect = pair.all<ConnectRequested>();
    REQUIRE(connect.size() == 1);
    CHECK(connect[0].app == "live");
    CHECK(connect[0].tc_url.reveal() == "rtmp://h/live");
    const auto publish = pair.all<PublishRequested>();
    REQUIRE(publish.size() == 1);
    CHECK(publish[0].key.reveal() == "key");
    CHECK(publish[0].query.reveal() == "x=1");

    const ByteVector data(10'000, 0x5A), small = {1, 2, 3};
    pair.media(frame(1000, 0, data), 0);          // first: type 0
    pair.media(frame(1040, 40, small), 40);       // follows: the shared header
    pair.media(frame(1200, 80, small), 200);      // one was left out: a delta of its own
    pair.media(frame(1240, 40, data), 240);       // follows again
    pair.media(frame(1240, 40, data), 1u << 25);  // too far for a delta
    pair.media(frame(1280, 40, data), (1u << 25) + 40);
    const auto media = pair.all<Media>();
    REQUIRE(media.size() == 6);
    const std::vector<uint32_t> times = {0, 40, 200, 240, 1u << 25, (1u << 25) + 40};
    for (size_t i = 0; i < media.size(); ++i) {
      CHECK(media[i].timestamp == times[i]);
      CHECK(media[i].codec == "h264");
      CHECK(media[i].composition == std::chrono::milliseconds(40));
      CHECK(Buffer::copy(i == 1 || i == 2 ? small : data) == media[i].payload);
    }
    pair.client.unpublish();
    pair.run();
    CHECK(pair.all<Unpublished>().size() == 1);
    CHECK(pair.client.phase() == ClientSession::Phase::kClosed);
    CHECK(pair.all<Failed>().empty());
  }
}

TEST_CASE("ClientSession shares the bytes of a message that follows") {
  Pair pair;
  pair.run();
  std::vector<Buffer> pieces;
  pair.client.media(pieces, frame(0, 0, {1}), 0);
  pieces.clear();
  const SharedMessage next = frame(33, 33, {2});
  pair.client.media(pieces, next, 33);
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].data() == next.wire.data());
}

TEST_CASE("ClientSession understands acknowledgements") {
  Pair pair;
  pair.run();
  CHECK(pair.client.acknowledged() == 0);
  const ByteVector data(300'000, 1);  // more than the window that the server was asked for
  pair.media(frame(0, 0, data), 0);
  pair.run();
  CHECK(pair.client.acknowledged() > 250'000);
}

TEST_CASE("ClientSession is refused") {
  SUBCASE("by our server, for its key") {
    Pair pair;
    pair.run(false);
    const auto* refused = pair.last<PublishRefused>();
    REQUIRE(refused != nullptr);
    CHECK(refused->permanent());
    CHECK(refused->code == status::kBadName);
    CHECK(refused->description == "no such key");
    CHECK_FALSE(refused->by_connect);
  }
  SUBCASE("at connect") {
    const auto event = Script()
                           .command(0, "_error", 1, Null{},
                                    Object{{"level", "error"},
                                           {"code", "NetConnection.Connect.Rejected"},
                                           {"description", "banned"}})
                           .last();
    const auto* refused = std::get_if<PublishRefused>(&event);
    REQUIRE(refused != nullptr);
    CHECK(refused->by_connect);
    CHECK(refused->permanent());
  }
  SUBCASE("without a reason") {
    const auto event = Script().command(0, "_error", 1).last();
    REQUIRE(std::holds_alternative<PublishRefused>(event));
    CHECK_FALSE(std::get<PublishRefused>(event).permanent());
  }
  SUBCASE("at createStream") {
    Script script;
    script.connected().command(0, "_error", 4, Null{}, Null{});
    CHECK(std::holds_alternative<PublishRefused>(script.last()));
  }
  SUBCASE("in the middle, which is no judgement on the key") {
    Script script;
    script.started().status(Object{{"level", "status"}, {"code", "NetConnection.Connect.Closed"}});
    const auto event = script.last();
    REQUIRE(std::holds_alternative<PublishRefused>(event));
    CHECK_FALSE(std::get<PublishRefused>(event).permanent());
  }
}

TEST_CASE("ClientSession is sent elsewhere") {
  SUBCASE("redirect") {
    Object info{{"level", "error"}, {"code", "NetConnection.Connect.Rejected"}};
    info.properties.emplace_back("ex", Object{{"code", 302}, {"redirect", "rtmp://other/live"}});
    const auto event = Script().command(0, "_error", 1, Null{}, info).last();
    REQUIRE(std::holds_alternative<Redirected>(event));
    CHECK(std::get<Redirected>(event).url.reveal() == "rtmp://other/live");
  }
  SUBCASE("reconnect request") {
    Script script;
    script.started();
    script.command(0, "onStatus", 0, Null{},
                   Object{{"level", "status"},
                          {"code", "NetConnection.Connect.ReconnectRequest"},
                          {"tcUrl", "/other"}});
    ClientSession session(options());
    const auto events = script.play(session);
    const auto* request = std::get_if<ReconnectRequested>(&events.back());
    REQUIRE(request != nullptr);
    CHECK(request->url.reveal() == "/other");
    CHECK(session.phase() == ClientSession::Phase::kStarted);
  }
}

TEST_CASE("ClientSession reads what codecs the peer takes") {
  Script script;
  Object info{{"code", "NetConnection.Connect.Success"}};
  info.properties.emplace_back("fourCcList", amf0::Array{{"av01", "hvc1"}});
  info.properties.emplace_back("audioFourCcInfoMap", Object{{"Opus", 4}});
  script.connected(info);
  const auto event = script.last();
  REQUIRE(std::holds_alternative<PeerConnected>(event));
  CHECK(std::get<PeerConnected>(event).fourccs == std::vector<std::string>{"av01", "hvc1", "Opus"});
}

TEST_CASE("ClientSession against a peer that means harm") {
  SUBCASE("not RTMP") {
    ClientSession session(options());
    const std::string text = "HTTP/1.1 400 Bad Request\r\n";
    session.feed(Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
    CHECK(std::holds_alternative<ClientFailed>(*session.next()));
  }
  SUBCASE("stream ids that are none") {
    for (const double id : {0.0, -1.0, 1e10, 0.0 / 0.0}) {
      Script script;
      script.connected().command(0, "_result", 4, Null{}, id);
      CHECK(std::holds_alternative<ClientFailed>(script.last()));
    }
  }
  SUBCASE("a start that was never asked for") {
    Script script;
    ClientSession session(options());
    script.status(Object{{"level", "status"}, {"code", "NetStream.Publish.Start"}});
    CHECK(script.play(session).empty());
    CHECK(session.phase() == ClientSession::Phase::kConnect);
  }
  SUBCASE("pings, windows of one byte and statuses without end take no memory") {
    Script script;
    script.started();
    write_control(script.writer, script.out, MessageType::kWindowAckSize, 1);
    for (uint32_t i = 0; i < 50'000; ++i) {
      write_user_control(script.writer, script.out, UserControl::kPingRequest, i);
      script.command(0, "onBWDone", 0);
      if (i % 10 == 0) {
        script.status(
            Object{{"level", "status"}, {"code", "NetConnection.Connect.ReconnectRequest"}});
      }
    }
    ClientSession session(options());
    const auto events = script.play(session);
    CHECK(events.size() < 100);
    CHECK(session.take_output().size() < 32'000);
  }
  SUBCASE("every prefix of a good server's answers") {
    Pair pair;
    pair.run();
    for (size_t size = 0; size < pair.to_client.size(); ++size) {
      ClientSession session(options());
      session.feed(Bytes(pair.to_client).first(size));
      while (auto event = session.next()) CHECK_FALSE(std::holds_alternative<ClientFailed>(*event));
      CHECK(session.phase() != ClientSession::Phase::kClosed);
    }
  }
}

TEST_CASE("tag heads are what the parser reads") {
  const auto parse = [](MediaKind kind, const TagHead& head) {
    const Bytes bytes = head;
    ByteVector body(bytes.begin(), bytes.end());
    body.push_back(0x77);
    std::vector<Media> out;
    const auto parser = kind == MediaKind::kVideo ? parse_video : parse_audio;
    CHECK(parser(Buffer::copy(body), 5, out) == TagResult::kMedia);
    REQUIRE(out.size() == 1);
    return out[0];
  };
  for (const char* codec : {"h264", "hevc", "av1", "vp9", "vp8", "vvc"}) {
    for (const int32_t composition : {0, 33, -20}) {
      const Media media =
          parse(MediaKind::kVideo, video_head(codec, PacketType::kFrame, false, composition));
      CHECK(media.codec == codec);
      CHECK(media.packet == PacketType::kFrame);
      CHECK_FALSE(media.keyframe);
      CHECK(media.payload.size() == 1);
      const bool composed = media.codec == "h264" || media.codec == "hevc" || media.codec == "vvc";
      CHECK(media.composition == std::chrono::milliseconds(composed ? composition : 0));
    }
    CHECK(parse(MediaKind::kVideo, video_head(codec, PacketType::kFrame, true, 0)).keyframe);
    CHECK(parse(MediaKind::kVideo, video_head(codec, PacketType::kConfig, true, 0)).packet ==
          PacketType::kConfig);
  }
  for (const char* codec : {"aac", "opus", "flac", "ac3", "eac3", "mp3"}) {
    const Media media = parse(MediaKind::kAudio, audio_head(codec, PacketType::kFrame));
    CHECK(media.codec == codec);
    CHECK(media.payload.size() == 1);
  }
}
