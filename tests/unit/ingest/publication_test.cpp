// Long because all kinds of publishers go through one stage.
#include "ingest/publication.h"

#include <doctest/doctest.h>

#include <map>

using namespace std::chrono_literals;
using namespace stream;
using media::Hub;
using media::HubReader;
using media::OnSlow;
using media::Publication;
using media::PublicationOptions;
using media::Timeline;
using rtmp::MediaKind;
using rtmp::PacketType;

namespace {

Buffer bytes(std::initializer_list<int> list) {
  std::vector<uint8_t> v(list.begin(), list.end());
  return Buffer::copy(v);
}

// Baseline 3.0, 320x240 and 640x480, as x264 writes them.
Buffer avc(bool big = false) {
  return big ? bytes({1,    0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 9, 0x67, 0x42, 0xc0, 0x1e,
                      0xda, 0x02, 0x80, 0xf6, 0x40, 1,    0, 4, 0x68, 0xce, 0x3c, 0x80})
             : bytes({1,    0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 9, 0x67, 0x42, 0xc0, 0x1e,
                      0xda, 0x05, 0x07, 0xe4, 0x40, 1,    0, 4, 0x68, 0xce, 0x3c, 0x80});
}
Buffer asc48() {
  return bytes({0x11, 0x90});
}

rtmp::Media config(MediaKind kind, Buffer payload, std::string_view codec) {
  rtmp::Media m;
  m.kind = kind;
  m.packet = PacketType::kConfig;
  m.codec = codec;
  m.payload = std::move(payload);
  return m;
}
rtmp::Media frame(MediaKind kind, uint32_t ms, bool key, std::string_view codec,
                  Buffer payload = bytes({0, 0, 0, 1, 0x65})) {
  rtmp::Media m;
  m.kind = kind;
  m.packet = PacketType::kFrame;
  m.codec = codec;
  m.timestamp = ms;
  m.keyframe = key;
  m.payload = std::move(payload);
  return m;
}

// A publisher in true time (ms), a hub, and a reader that saw everything.
struct PublicationStage {
  Hub hub;
  Timeline timeline;
  std::vector<std::string> notices;
  std::shared_ptr<HubReader> reader = hub.attach(OnSlow::kBlock, [] {});
  std::optional<Publication> publication;
  std::optional<std::string> refused;
  int sessions = 0;

  PublicationStage() { publish(); }
  void publish(PublicationOptions options = {}) {
    options.session = std::to_string(++sessions);
    options.notice = [this](const std::string& text) { notices.push_back(text); };
    publication.emplace(hub, timeline, std::move(options));
  }
  void take(rtmp::Media media, int64_t now) {
    if (auto text = publication->take(std::move(media), 1ms * now)) refused = text;
  }
  void headers(int64_t now = 0) {
    take(config(MediaKind::kVideo, avc(), "h264"), now);
    take(config(MediaKind::kAudio, asc48(), "aac"), now);
  }
  void video(int64_t ms, bool key = false) {
    take(frame(MediaKind::kVideo, static_cast<uint32_t>(ms), key, "h264"), ms);
  }
  void audio(int64_t ms, Buffer payload = bytes({0x21, 0, 1})) {
    take(frame(MediaKind::kAudio, static_cast<uint32_t>(ms), false, "aac", std::move(payload)), ms);
  }
  // 25 pictures and about 47 sounds a second, a keyframe each second.
  void run(int64_t from, int64_t to, bool with_audio = true, bool with_video = true) {
    for (int64_t t = from; t < to; ++t) {
      if (with_video && t % 40 == 0) video(t, t % 1000 == 0);
      if (with_audio && t * 3 % 64 < 3) audio(t);
    }
  }
  std::map<int, std::vector<av::Packet>> drain() {
    std::map<int, std::vector<av::Packet>> out;
    while (auto p = reader->pop()) out[p->track].push_back(*p);
    return out;
  }
  double seconds(const av::Packet& p) const {
    return static_cast<double>(p.pts) *
           reader->tracks()[static_cast<size_t>(p.track)].time_base.value();
  }
};

}  // namespace

TEST_CASE("Publication announces what it knows") {
  PublicationStage s;
  SUBCASE("both kinds, at once") {
    s.headers();
    s.run(0, 3000);
    REQUIRE(s.hub.tracks().size() == 2);
    CHECK(s.hub.tracks()[0].codec == "h264");
    CHECK(s.hub.tracks()[0].width == 640 / 2);
    CHECK(s.hub.tracks()[1].sample_rate == 48000);
    CHECK(s.hub.tracks()[1].time_base == Rational{1, 48000});
    const auto out = s.drain();
    CHECK(out.at(0).size() == 75);
    CHECK(out.at(1).size() == 141);
    CHECK(out.at(0).front().mark->session == "1");
    CHECK_FALSE(out.at(0).front().mark->discontinuity);
    CHECK(out.at(1)[10].dts - out.at(1)[9].dts == 1024);
    CHECK(out.at(1)[10].duration == 1024);
  }
  SUBCASE("one kind when the metadata declares no other") {
    rtmp::Metadata metadata;
    metadata.values = {{"videocodecid", 7}, {"width", 320}, {"framerate", 29.97}};
    s.publication->metadata(metadata);
    s.take(config(MediaKind::kVideo, avc(), "h264"), 0);
    s.run(0, 400, false);
    CHECK(s.hub.tracks().size() == 1);
  }
  SUBCASE("one kind after 1.5 s of media when another may come") {
    s.take(config(MediaKind::kVideo, avc(), "h264"), 0);
    s.run(0, 1400, false);
    CHECK_FALSE(s.hub.announced());
    s.run(1400, 1600, false);
    CHECK(s.hub.tracks().size() == 1);
    CHECK(s.drain().at(0).size() == 40);
  }
  SUBCASE("or of waiting") {
    s.take(config(MediaKind::kVideo, avc(), "h264"), 0);
    s.video(0, true);
    s.publication->tick(1400ms);
    CHECK_FALSE(s.hub.announced());
    s.publication->tick(1500ms);
    CHECK(s.hub.announced());
  }
  SUBCASE("a very short publication is not lost") {
    s.headers();
    s.run(0, 90);
    CHECK_FALSE(s.hub.announced());
    s.publication->finish();
    CHECK(s.drain().at(0).size() == 3);
  }
  SUBCASE("the first picture is a keyframe") {
    s.headers();
    s.run(200, 2500);
    CHECK(s.drain().at(0).front().key);
  }
}

TEST_CASE("Publication keeps sound and picture together (I06)") {
  PublicationStage s;
  SUBCASE("sound 4 s late: readers come back for it at a keyframe") {
    s.headers();
    s.run(0, 4000, false);
    s.run(4000, 6000);
    const auto out = s.drain();
    CHECK(s.hub.tracks().size() == 2);
    CHECK(out.at(0).size() == 150);
    CHECK(s.seconds(out.at(1).front()) == doctest::Approx(4.011).epsilon(0.0001));
  }
  SUBCASE("its header 4 s late, too") {
    s.take(config(MediaKind::kVideo, avc(), "h264"), 0);
    s.run(0, 4000, false);
    s.take(config(MediaKind::kAudio, asc48(), "aac"), 4000);
    s.run(4001, 7000);
    CHECK(s.reader->state() == HubReader::State::kEnded);
    CHECK(s.drain().at(0).size() == 124);  // up to the keyframe at 5 s
    const auto again = s.hub.attach(OnSlow::kBlock, [] {});
    CHECK(again->tracks().size() == 2);
    const auto first = again->pop();
    CHECK(first->key);
    CHECK(first->track == 0);
  }
  SUBCASE("a pipe cannot come back: left out, with a word") {
    PublicationOptions options;
    options.late_tracks = false;
    s.publish(options);
    s.take(config(MediaKind::kVideo, avc(), "h264"), 0);
    s.run(0, 4000, false);
    s.take(config(MediaKind::kAudio, asc48(), "aac"), 4000);
    s.run(4000, 6000);
    CHECK(s.reader->state() == HubReader::State::kOpen);
    CHECK(s.notices.size() == 1);
  }
  SUBCASE("picture 2 s late") {
    s.headers();
    s.run(0, 2000, true, false);
    s.run(2000, 4000);
    const auto out = s.drain();
    CHECK(s.seconds(out.at(0).front()) == doctest::Approx(2.0).epsilon(0.01));
    CHECK(s.seconds(out.at(1).front()) < 0.02);
  }
}

TEST_CASE("Publication waits for configurations (I07, I08)") {
  PublicationStage s;
  SUBCASE("pictures before their header") {
    s.take(config(MediaKind::kAudio, asc48(), "aac"), 0);
    s.run(0, 400);
    s.take(config(MediaKind::kVideo, avc(), "h264"), 400);
    s.run(400, 3000);
    CHECK(s.drain().at(0).size() == 75);
  }
  SUBCASE("an empty AAC header, then the real one") {
    s.take(config(MediaKind::kVideo, avc(), "h264"), 0);
    s.take(config(MediaKind::kAudio, bytes({}), "aac"), 0);
    s.run(0, 100);
    s.take(config(MediaKind::kAudio, asc48(), "aac"), 100);
    s.run(100, 1000);
    CHECK(s.hub.tracks().size() == 2);
    CHECK(s.drain().at(1).size() == 47);
  }
  SUBCASE("AAC without any header is left out, said once") {
    s.take(config(MediaKind::kVideo, avc(), "h264"), 0);
    s.run(0, 8000);
    CHECK(s.hub.tracks().size() == 1);
    CHECK(s.notices.size() == 1);
    CHECK(s.drain().at(0).size() == 200);
  }
  SUBCASE("ADTS in the payload") {
    s.take(config(MediaKind::kVideo, avc(), "h264"), 0);
    const Buffer adts = bytes({0xff, 0xf1, 0x4c, 0x80, 0x01, 0x40, 0xfc, 0x21, 0x10, 0x04});
    for (int64_t t = 0; t < 3000; ++t) {
      if (t % 40 == 0) s.video(t, t % 1000 == 0);
      if (t * 3 % 64 < 3) s.audio(t, adts);
    }
    REQUIRE(s.hub.tracks().size() == 2);
    CHECK(s.hub.tracks()[1].sample_rate == 48000);
    CHECK(s.hub.tracks()[1].channels == 2);
    const auto out = s.drain();
    CHECK(out.at(1).front().data == bytes({0x21, 0x10, 0x04}));
  }
  SUBCASE("a broken record is left out and the right one taken") {
    s.take(config(MediaKind::kVideo, bytes({1, 2, 3}), "h264"), 0);
    s.headers();
    s.run(0, 1000);
    CHECK(s.hub.tracks().size() == 2);
    CHECK(s.notices.size() == 1);
  }
}

TEST_CASE("Publication carries new parameters (I09)") {
  PublicationStage s;
  s.headers();
  s.run(0, 3000);
  SUBCASE("the same again is nothing") {
    s.headers(3000);
    s.run(3000, 4000);
    for (const auto& [track, packets] : s.drain())
      for (size_t i = 1; i < packets.size(); ++i) CHECK_FALSE(packets[i].mark);
  }
  SUBCASE("at a keyframe") {
    s.take(config(MediaKind::kVideo, avc(true), "h264"), 3000);
    s.run(3000, 4000);
    const auto out = s.drain();
    CHECK(out.at(0).size() == 100);
    REQUIRE(out.at(0)[75].mark);
    CHECK(out.at(0)[75].key);
    CHECK(out.at(0)[75].mark->extradata == avc(true));
    CHECK(s.hub.tracks()[0].extradata == avc(true));
    CHECK(s.hub.tracks()[0].width == 640);
    CHECK(s.hub.attach(OnSlow::kDrop, [] {})->tracks()[0].width == 640);
  }
  SUBCASE("between keyframes: pictures rest until the next one") {
    s.run(3000, 3400);
    s.take(config(MediaKind::kVideo, avc(true), "h264"), 3400);
    s.run(3400, 5000);
    const auto out = s.drain();
    CHECK(out.at(0).size() == 125 - 15);
    CHECK(out.at(0)[85].key);
    CHECK(out.at(0)[85].mark->extradata == avc(true));
    CHECK(out.at(1).size() > 230);
  }
  SUBCASE("sound") {
    const Buffer mono = bytes({0x11, 0x88});
    s.take(config(MediaKind::kAudio, mono, "aac"), 3000);
    s.run(3000, 4000);
    int marks = 0;
    const auto drained = s.drain();
    for (const auto& p : drained.at(1)) marks += p.mark && p.mark->extradata == mono;
    CHECK(marks == 1);
    CHECK(s.hub.tracks()[1].channels == 1);
  }
}

TEST_CASE("Publication reads Annex B in a clock of its own") {
  PublicationStage stage;
  PublicationOptions options;
  options.clock = {1, 90000};
  stage.publish(std::move(options));
  const Buffer small =
      bytes({0, 0, 0, 1,    0x67, 0x42, 0xc0, 0x1e, 0xda, 0x05, 0x07, 0xe4, 0x40, 0,
             0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0,    0,    1,    0x65, 0x88, 0x84});
  const Buffer big = bytes({0, 0, 0, 1,    0x67, 0x42, 0xc0, 0x1e, 0xda, 0x02, 0x80, 0xf6, 0x40, 0,
                            0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0,    0,    1,    0x65, 0x88, 0x84});
  const Buffer plain = bytes({0, 0, 0, 1, 0x41, 0x9a});
  const auto take = [&](int64_t picture, bool key, Buffer payload) {
    auto media = frame(MediaKind::kVideo, 0, key, "h264", std::move(payload));
    CHECK_FALSE(stage.publication->take(std::move(media), picture * 3003, 33ms * picture));
  };
  take(0, false, plain);  // before the first keyframe: nothing can be decoded
  for (int64_t i = 1; i < 90; ++i) take(i, i % 30 == 1, i % 30 == 1 ? small : plain);
  take(90, true, big);
  take(91, false, plain);
  REQUIRE(stage.hub.tracks().size() == 1);
  CHECK(stage.hub.tracks()[0].time_base == Rational{1, 90000});
  std::vector<av::Packet> packets;
  while (auto packet = stage.reader->pop()) packets.push_back(std::move(*packet));
  REQUIRE(packets.size() == 91);
  CHECK(packets[1].dts - packets[0].dts == 3003);
  CHECK(packets[0].key);
  REQUIRE(packets[89].mark);
  CHECK(codec::describe("h264", packets[89].mark->extradata)->width == 640);
}

TEST_CASE("Publication refuses codecs") {
  PublicationStage s;
  SUBCASE("that the bus does not carry") {
    s.take(frame(MediaKind::kAudio, 0, false, "speex"), 0);
    REQUIRE(s.refused);
    CHECK(s.refused->find("speex") != std::string::npos);
    CHECK(s.refused->find("AAC") != std::string::npos);
  }
  SUBCASE("that the operator does not want (I28)") {
    PublicationOptions options;
    options.codecs = {"h264", "aac"};
    s.publish(options);
    s.take(config(MediaKind::kVideo, bytes({1}), "hevc"), 0);
    REQUIRE(s.refused);
    CHECK(s.refused->find("hevc") != std::string::npos);
    CHECK(s.refused->find("h264, aac") != std::string::npos);
  }
  SUBCASE("further tracks alone") {
    s.headers();
    s.run(0, 1000);
    auto extra = frame(MediaKind::kAudio, 1000, false, "speex");
    extra.track = 1;
    s.take(extra, 1000);
    CHECK_FALSE(s.refused);
    CHECK(s.notices.size() == 1);
  }
}

TEST_CASE("Publication continues a stream (take-over, return)") {
  PublicationStage s;
  s.headers();
  s.run(0, 3000);
  SUBCASE("readers stay and see one discontinuity on each track") {
    s.publish();
    s.headers(3000);
    for (int64_t t = 0; t < 2000; ++t) {
      if (t % 40 == 0)
        s.take(frame(MediaKind::kVideo, static_cast<uint32_t>(900'000 + t), t % 1000 == 0, "h264"),
               3500 + t);
      if (t * 3 % 64 < 3)
        s.take(frame(MediaKind::kAudio, static_cast<uint32_t>(900'000 + t), false, "aac"),
               3500 + t);
    }
    CHECK(s.reader->state() == HubReader::State::kOpen);
    for (const auto& [track, packets] : s.drain()) {
      int sessions = 0, discontinuities = 0;
      for (size_t i = 0; i < packets.size(); ++i) {
        sessions += packets[i].mark && packets[i].mark->session == "2";
        discontinuities += packets[i].mark && packets[i].mark->discontinuity;
        if (i > 0) CHECK(packets[i].dts > packets[i - 1].dts);
        if (i > 0) CHECK(s.seconds(packets[i]) - s.seconds(packets[i - 1]) < 0.1);
      }
      CHECK(sessions == 1);
      CHECK(discontinuities == 1);
    }
  }
  SUBCASE("other parameters come with the mark") {
    s.publish();
    s.take(config(MediaKind::kVideo, avc(true), "h264"), 3000);
    s.take(config(MediaKind::kAudio, asc48(), "aac"), 3000);
    s.run(4000, 6000);
    const auto out = s.drain();
    REQUIRE(out.at(0)[75].mark);
    CHECK(out.at(0)[75].mark->extradata == avc(true));
    CHECK(out.at(0)[75].mark->session == "2");
  }
  SUBCASE("other tracks end the sitting") {
    s.publish();
    rtmp::Metadata metadata;
    metadata.values = {{"audiocodecid", 10}};
    s.publication->metadata(metadata);
    s.take(config(MediaKind::kAudio, asc48(), "aac"), 3000);
    s.run(4000, 6000, true, false);
    CHECK(s.reader->state() == HubReader::State::kEnded);
    CHECK(s.hub.tracks().size() == 1);
  }
}

TEST_CASE("Publication with a keyframe a minute (I13) drops nothing") {
  PublicationStage s;
  s.headers();
  for (int64_t t = 0; t < 130'000; t += 40) {
    s.video(t, t % 60'000 == 0);
    while (s.reader->queued_packets() > 1) {
      const auto p = s.reader->pop();
      CHECK_FALSE((p->mark && p->mark->discontinuity));
    }
  }
  CHECK(s.reader->dropped() == 0);
  CHECK(s.publication->media_packets() > 3000);
}

TEST_CASE("Publication marks what a transport lost, and takes the size that it knows") {
  PublicationStage s;
  const auto vp8 = [&](int64_t ms, bool key, bool hole) {
    rtmp::Media m = frame(MediaKind::kVideo, static_cast<uint32_t>(ms), key, "vp8");
    m.discontinuity = hole;
    m.width = 640;
    m.height = 360;
    s.take(std::move(m), ms);
  };
  for (int64_t ms = 0; ms < 3000; ms += 40) vp8(ms, ms % 1000 == 0, ms == 0 || ms == 2000);
  const auto packets = s.drain();
  CHECK(s.hub.tracks().at(0).width == 640);
  CHECK(s.hub.tracks().at(0).height == 360);
  size_t holes = 0;
  for (const av::Packet& packet : packets.at(0)) holes += packet.mark && packet.mark->discontinuity;
  CHECK(holes == 1);
}
