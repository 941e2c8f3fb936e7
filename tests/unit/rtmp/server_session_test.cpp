#include "rtmp/server_session.h"

#include <doctest/doctest.h>

#include "unit/rtmp/peer.h"

using namespace stream;
using namespace stream::rtmp;
using amf0::Null;
using amf0::Object;

namespace {

const ByteVector kAvcFrame = {0x27, 1, 0, 0, 40, 0, 0, 0, 1, 0x41};
const ByteVector kAacFrame = {0xAF, 1, 0x21, 0x00};

std::vector<std::string> names(const std::vector<Command>& commands) {
  std::vector<std::string> found;
  for (const Command& command : commands) found.push_back(command.name);
  return found;
}

}  // namespace

TEST_CASE("ServerSession: dialogues as encoders speak them") {
  Peer peer;
  SUBCASE("ffmpeg: app of two segments, key with a query, publish on chunk stream 8") {
    peer.hello();
    peer.command(3, 0, "connect", 1,
                 Object{{"app", "live/app2"},
                        {"type", "nonprivate"},
                        {"flashVer", "FMLE/3.0 (compatible; Lavf59.27.100)"},
                        {"tcUrl", "rtmp://h:1935/live/app2"}});
    peer.send();
    const auto connect = peer.all<ConnectRequested>().at(0);
    CHECK(connect.app == "live/app2");
    CHECK(connect.tc_url.reveal() == "rtmp://h:1935/live/app2");
    CHECK(connect.flash_version == "FMLE/3.0 (compatible; Lavf59.27.100)");
    REQUIRE(peer.replies.size() == 3);  // Set Chunk Size acts in the reader
    CHECK(peer.replies[0].type == MessageType::kWindowAckSize);
    CHECK(peer.replies[0].chunk_stream == 2);
    CHECK(peer.replies[0].payload == Buffer::copy(ByteVector{0, 0x26, 0x25, 0xA0}));
    CHECK(peer.replies[1].type == MessageType::kSetPeerBandwidth);
    CHECK(peer.replies[1].payload == Buffer::copy(ByteVector{0, 0x26, 0x25, 0xA0, 2}));
    const Command result = peer.commands().at(0);
    CHECK(result.name == "_result");
    CHECK(result.transaction == 1);
    CHECK(result.chunk_stream == 3);
    CHECK(result.stream_id == 0);
    CHECK(result.code() == "NetConnection.Connect.Success");
    CHECK(result.info.object()->find("objectEncoding")->number() == 0);
    CHECK(result.info.object()->find("fourCcList") == nullptr);
    CHECK(result.object.object()->find("capabilities")->number() == 31);

    peer.replies.clear();
    peer.command(3, 0, "releaseStream", 2, Null{}, "key?x=1");
    peer.command(3, 0, "FCPublish", 3, Null{}, "key?x=1");
    peer.command(3, 0, "createStream", 4, Null{});
    peer.send();
    const auto commands = peer.commands();
    CHECK(names(commands) ==
          std::vector<std::string>{"_result", "_result", "onFCPublish", "_result"});
    CHECK(commands[3].transaction == 4);
    CHECK(commands[3].info.number() == 1);

    peer.replies.clear();
    peer.command(8, 1, "publish", 5, Null{}, "key?x=1", "live");
    peer.send();
    const auto publish = peer.all<PublishRequested>().at(0);
    CHECK(publish.app == "live/app2");
    CHECK(publish.key.reveal() == "key");
    CHECK(publish.query.reveal() == "x=1");
    CHECK(publish.type == "live");
    CHECK(peer.session.publishing());
    REQUIRE(peer.replies.size() == 2);
    CHECK(peer.replies[0].type == MessageType::kUserControl);
    CHECK(peer.replies[0].payload == Buffer::copy(ByteVector{0, 0, 0, 0, 0, 1}));
    const Command status = peer.commands().at(0);
    CHECK(status.name == "onStatus");
    CHECK(status.transaction == 0);
    CHECK(status.stream_id == 1);
    CHECK(status.code() == "NetStream.Publish.Start");

    peer.message(MessageType::kData, 4, 1, 0,
                 amf0::encode("@setDataFrame", "onMetaData", Object{{"width", 640}}));
    peer.message(MessageType::kVideo, 6, 1, 0, kAvcConfig);
    peer.message(MessageType::kAudio, 4, 1, 23, kAacFrame);
    peer.message(MessageType::kVideo, 6, 1, 33, kAvcFrame);
    peer.send();
    CHECK(peer.all<Metadata>().at(0).values.find("width")->number() == 640);
    const auto media = peer.all<Media>();
    REQUIRE(media.size() == 3);
    CHECK(media[0].packet == PacketType::kConfig);
    CHECK(media[1].codec == "aac");
    CHECK(media[1].timestamp == 23);
    CHECK(media[2].composition == std::chrono::milliseconds(40));

    peer.command(3, 0, "FCUnpublish", 6, Null{}, "key?x=1");
    peer.command(3, 0, "deleteStream", 7, Null{}, 1);
    peer.message(MessageType::kVideo, 6, 1, 66, kAvcFrame);
    peer.send();
    CHECK(peer.all<Unpublished>().size() == 1);
    CHECK(peer.all<Media>().size() == 3);
    CHECK(peer.failure().empty());
  }
  SUBCASE("GStreamer: transaction 0 is never answered, chunk size set after publish") {
    peer.connect();
    peer.send();
    peer.replies.clear();
    peer.command(3, 0, "releaseStream", 0, Null{}, "key");
    peer.command(3, 0, "FCPublish", 0, Null{}, "key");
    peer.command(3, 0, "createStream", 2, Null{});
    peer.send();
    CHECK(names(peer.commands()) == std::vector<std::string>{"onFCPublish", "_result"});
    peer.replies.clear();
    peer.command(3, 1, "publish", 0, Null{}, "key", "live");
    peer.send();
    CHECK(names(peer.commands()) == std::vector<std::string>{"onStatus"});
    CHECK(peer.commands()[0].stream_id == 1);
    peer.chunk_size(128);
    peer.message(MessageType::kVideo, 6, 1, 0, ByteVector{0x17, 1, 0, 0, 0} + ByteVector(1000, 7));
    peer.send();
    CHECK(peer.all<Media>().at(0).payload.size() == 1000);
  }
  SUBCASE("OBS and librtmp: chunk size before connect, media on chunk stream 4, ECMA array") {
    peer.hello();
    peer.chunk_size(4096);
    Object connect{{"app", "live"},
                   {"type", "nonprivate"},
                   {"flashVer", "FMLE/3.0 (compatible; FMSc/1.0)"},
                   {"swfUrl", "rtmp://h/live"},
                   {"tcUrl", "rtmp://h/live"}};
    connect.ecma_array = true;
    peer.command(3, 0, "connect", 1, connect);
    peer.send();
    peer.command(3, 0, "releaseStream", 2, Null{}, "a/b");
    peer.command(3, 0, "FCPublish", 3, Null{}, "a/b");
    peer.command(3, 0, "createStream", 4, Null{});
    peer.command(4, 1, "publish", 5, Null{}, "a/b", "live");
    peer.send();
    CHECK(peer.all<PublishRequested>().at(0).key.reveal() == "a/b");
    peer.message(MessageType::kAudio, 4, 1, 0, kAacFrame);
    peer.message(MessageType::kVideo, 4, 1, 0, kAvcFrame);
    peer.send();
    CHECK(peer.all<Media>().size() == 2);
  }
  SUBCASE("everything at once, without waiting for an answer") {
    peer.start_publishing();
    peer.message(MessageType::kVideo, 6, 1, 0, kAvcConfig);
    peer.send();
    CHECK(peer.all<Media>().size() == 1);
  }
  SUBCASE("unknown commands are ignored") {
    peer.connect();
    peer.send();
    peer.replies.clear();
    peer.command(3, 0, "_checkbw", 9, Null{});
    peer.command(3, 0, "getStreamLength", 10, Null{}, "key");
    peer.send();
    CHECK(peer.replies.empty());
    CHECK(peer.failure().empty());
  }
  SUBCASE("AMF3 message types carry AMF0 behind one byte") {
    peer.hello();
    peer.message(MessageType::kCommandAmf3, 3, 0, 0,
                 ByteVector{0} + amf0::encode("connect", 1, Object{{"app", "live"}}));
    peer.send();
    CHECK(peer.all<ConnectRequested>().size() == 1);
    peer.command(3, 1, "publish", 3, Null{}, "key", "live");
    peer.message(MessageType::kDataAmf3, 4, 1, 5,
                 ByteVector{0} + amf0::encode("onMetaData", Object{{"height", 4}}));
    peer.send();
    CHECK(peer.all<Metadata>().at(0).timestamp == 5);
  }
}

TEST_CASE("ServerSession: nothing passes before the owner's answer") {
  Peer peer;
  peer.connect();
  peer.command(3, 0, "createStream", 2, Null{});
  peer.command(3, 1, "publish", 3, Null{}, "key", "live");
  peer.message(MessageType::kVideo, 6, 1, 0, kAvcConfig);
  SUBCASE("media behind the request waits and is delivered after accept") {
    peer.send(false);
    CHECK(peer.events.size() == 1);
    CHECK(peer.replies.empty());
    peer.session.accept();
    peer.drain(false);
    CHECK(peer.all<PublishRequested>().size() == 1);
    CHECK(peer.all<Media>().empty());
    CHECK_FALSE(peer.session.publishing());
    for (const Command& command : peer.commands()) CHECK(command.name != "onStatus");
    peer.message(MessageType::kVideo, 6, 1, 33, kAvcFrame);
    peer.send(false);
    CHECK(peer.all<Media>().empty());
    peer.session.accept();
    peer.drain(false);
    REQUIRE(peer.all<Media>().size() == 2);
    CHECK(peer.all<Media>()[1].timestamp == 33);
    CHECK(peer.commands().back().code() == "NetStream.Publish.Start");
  }
  SUBCASE("rejected connect") {
    peer.send(false);
    peer.session.reject(status::kConnectRejected, "no such application");
    peer.drain(false);
    CHECK(peer.events.size() == 1);
    const Command command = peer.commands().at(0);
    CHECK(command.name == "_error");
    CHECK(command.transaction == 1);
    CHECK(command.code() == "NetConnection.Connect.Rejected");
    CHECK(command.info.object()->find("level")->text() == "error");
    CHECK(command.info.object()->find("description")->text() == "no such application");
  }
  SUBCASE("rejected publish: status on the stream, nothing parsed afterwards") {
    peer.send(false);
    peer.session.accept();
    peer.drain(false);
    peer.session.reject(status::kBadName, "unknown key");
    peer.message(MessageType::kVideo, 6, 1, 0, kAvcFrame);
    peer.send(false);
    CHECK(peer.all<Media>().empty());
    const Command command = peer.commands().back();
    CHECK(command.name == "onStatus");
    CHECK(command.stream_id == 1);
    CHECK(command.code() == "NetStream.Publish.BadName");
    CHECK(command.info.object()->find("level")->text() == "error");
  }
  SUBCASE("what is kept meanwhile is bounded") {
    peer.send(false);
    for (int i = 0; i < 50; ++i) {
      peer.out.zeros(100'000);
      peer.send(false);
    }
    CHECK(peer.failure().find("before the answer") != std::string::npos);
    peer.session.accept();
    peer.drain(false);
    CHECK(peer.all<Failed>().size() == 1);
    CHECK_FALSE(peer.session.publishing());
  }
  SUBCASE("media before publish is dropped") {
    Peer early;
    early.connect();
    early.message(MessageType::kVideo, 6, 1, 0, kAvcConfig);
    early.send();
    CHECK(early.all<Media>().empty());
    CHECK(early.failure().empty());
  }
}

TEST_CASE("ServerSession: while publishing") {
  Peer peer;
  peer.start_publishing();
  REQUIRE(peer.session.publishing());
  peer.replies.clear();
  SUBCASE("a codec that the owner can't take ends the publish with a status") {
    peer.session.reject(status::kRejected, "speex is not supported");
    peer.drain();
    CHECK(peer.commands().at(0).code() == "NetStream.Publish.Rejected");
    CHECK_FALSE(peer.session.publishing());
  }
  SUBCASE("media goes straight to who takes it, behind what came before; rejecting stops it") {
    int taken = 0;
    peer.session.on_media([&](Media&& media) {
      CHECK(media.payload.size() == 5);
      if (++taken == 2) peer.session.reject(status::kRejected, "enough");
    });
    for (int i = 0; i < 3; ++i) peer.message(MessageType::kVideo, 6, 1, 0, kAvcFrame);
    peer.send();
    CHECK(taken == 2);
    CHECK(peer.all<Media>().empty());
    CHECK(peer.commands().at(0).code() == "NetStream.Publish.Rejected");
  }
  SUBCASE("closeStream, then publish again on the same connection") {
    peer.command(3, 1, "closeStream", 0, Null{});
    peer.command(3, 1, "publish", 0, Null{}, "other", "live");
    peer.send();
    CHECK(peer.all<Unpublished>().size() == 1);
    CHECK(peer.all<PublishRequested>().at(1).key.reveal() == "other");
    CHECK(peer.session.publishing());
  }
  SUBCASE("a second publish is refused, the first goes on") {
    peer.command(3, 1, "publish", 9, Null{}, "other", "live");
    peer.message(MessageType::kVideo, 6, 1, 0, kAvcFrame);
    peer.send();
    CHECK(peer.commands().at(0).code() == "NetStream.Publish.BadName");
    CHECK(peer.all<Media>().size() == 1);
  }
  SUBCASE("play is refused") {
    peer.command(8, 1, "play", 0, Null{}, "key");
    peer.send();
    CHECK(peer.commands().at(0).code() == "NetStream.Play.Failed");
    CHECK(peer.commands().at(0).stream_id == 1);
  }
  SUBCASE("a second connect is a protocol error") {
    peer.command(3, 0, "connect", 1, Object{{"app", "live"}});
    peer.send();
    CHECK(peer.failure() == "a second connect");
    CHECK_FALSE(peer.session.publishing());
  }
  SUBCASE("ping is answered with its own time") {
    peer.message(MessageType::kUserControl, 2, 0, 0, {0, 6, 1, 2, 3, 4});
    peer.send();
    REQUIRE(peer.replies.size() == 1);
    CHECK(peer.replies[0].payload == Buffer::copy(ByteVector{0, 7, 1, 2, 3, 4}));
  }
  SUBCASE("librtmp's ping begins its chunk stream with type 1") {
    Peer fresh;
    fresh.hello();
    const ByteVector ping = {0x42, 0, 0, 0, 0, 0, 6, 4, 0, 3, 0, 0, 0, 1};
    fresh.out.bytes(ping);
    fresh.send();
    CHECK(fresh.failure().empty());
  }
  SUBCASE("each window is acknowledged, with all that was received") {
    peer.message(MessageType::kWindowAckSize, 2, 0, 0, {0, 0, 0x10, 0});
    peer.chunk_size(65536);
    peer.send();
    peer.replies.clear();
    for (int i = 0; i < 10; ++i) {
      peer.message(MessageType::kVideo, 6, 1, 0, ByteVector(1000, 0x27));
      peer.send();
    }
    REQUIRE(peer.count(MessageType::kAcknowledgement) >= 2);
    CHECK(peer.count(MessageType::kAcknowledgement) <= 3);
    ByteReader reader(peer.replies.back().payload);
    const uint32_t acknowledged = reader.u32();
    CHECK(acknowledged <= peer.session.bytes_received());
    CHECK(peer.session.bytes_received() - acknowledged < 0x1000);
  }
  SUBCASE("aggregate: times are relative to the first tag, data inside counts") {
    ByteWriter body;
    const auto tag = [&](uint8_t type, uint32_t time, const ByteVector& bytes) {
      body.u8(type);
      body.u24(static_cast<uint32_t>(bytes.size()));
      body.u24(time & 0xFFFFFF);
      body.u8(static_cast<uint8_t>(time >> 24));
      body.u24(0);
      body.bytes(bytes);
      body.u32(static_cast<uint32_t>(bytes.size() + 11));
    };
    tag(8, 0x01000005, kAacFrame);
    tag(9, 0x01000026, kAvcFrame);
    tag(18, 0x01000026, amf0::encode("onMetaData", Object{{"fps", 30}}));
    peer.message(MessageType::kAggregate, 6, 1, 9000, body.take());
    peer.send();
    REQUIRE(peer.all<Media>().size() == 2);
    CHECK(peer.all<Media>()[0].timestamp == 9000);
    CHECK(peer.all<Media>()[1].timestamp == 9033);
    CHECK(peer.all<Metadata>().size() == 1);
  }
  SUBCASE("a damaged tag is dropped and counted, the connection goes on") {
    peer.message(MessageType::kVideo, 6, 1, 0, {0x27, 1, 0});
    peer.message(MessageType::kData, 4, 1, 0, {2, 0xFF, 0xFF, 'o'});
    peer.message(MessageType::kVideo, 6, 1, 0, kAvcFrame);
    peer.send();
    CHECK(peer.session.malformed_tags() == 1);
    CHECK(peer.all<Media>().size() == 1);
    CHECK(peer.failure().empty());
  }
}

TEST_CASE("ServerSession: publish names") {
  const auto request = [](std::string name) {
    Peer peer;
    peer.start_publishing(std::move(name));
    return peer.all<PublishRequested>().at(0);
  };
  CHECK(request("mp4:a.mp4").key.reveal() == "a.mp4");
  CHECK(request("a/b/c?t=1&u=2?v").key.reveal() == "a/b/c");
  CHECK(request("a/b/c?t=1&u=2?v").query.reveal() == "t=1&u=2?v");
  CHECK(request("").key.empty());
  Peer peer;
  peer.connect("live2/?backup=1");
  peer.send();
  CHECK(peer.all<ConnectRequested>().at(0).app == "live2");
  CHECK(peer.all<ConnectRequested>().at(0).app_query.reveal() == "backup=1");
}

TEST_CASE("ServerSession: Enhanced RTMP capabilities are mirrored in the peer's terms") {
  Peer peer;
  peer.hello();
  amf0::Array list;
  list.items = {"hvc1", "av01", "xxxx"};
  peer.command(3, 0, "connect", 1,
               Object{{"app", "live"},
                      {"fourCcList", list},
                      {"capsEx", 15},
                      {"videoFourCcInfoMap", Object{{"*", 2}}}});
  peer.send();
  CHECK(peer.all<ConnectRequested>().at(0).fourccs ==
        std::vector<std::string>{"hvc1", "av01", "xxxx", "*"});
  CHECK(peer.all<ConnectRequested>().at(0).caps_ex == 15);
  const Command result = peer.commands().at(0);
  const Object& info = *result.info.object();
  CHECK(info.find("capsEx")->number() == 14);  // no reconnect requests from us
  CHECK(info.find("fourCcList")->array()->items.size() == 2);
  CHECK(info.find("videoFourCcInfoMap")->object()->find("hvc1")->number() == 4);
  CHECK(info.find("audioFourCcInfoMap") == nullptr);
}
