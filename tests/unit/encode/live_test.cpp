// Live encodings: what comes out, for how many, and what happens when it is too much.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstring>

#include "encode/picture_decode.h"
#include "encode/sound_encode.h"

using namespace stream;
using namespace stream::media;
using namespace std::chrono_literals;

namespace {

av::Frame grey(int width, int height, uint8_t luma, int64_t pts) {
  av::Frame frame = av::Frame::picture(width, height);
  for (int plane = 0; plane < 3; ++plane) {
    const int lines = plane == 0 ? height : height / 2;
    std::memset(frame.plane(plane), plane == 0 ? luma : 128,
                static_cast<size_t>(frame.stride(plane) * lines));
  }
  frame.set_pts(pts);
  return frame;
}

// What an encoding made, and a wait for its end.
struct Made {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<av::Packet> packets;
  bool ended = false;

  auto sink() {
    return [this](std::optional<av::Packet> packet) {
      const std::lock_guard lock(mutex);
      if (packet) packets.push_back(std::move(*packet));
      ended = !packet;
      changed.notify_all();
    };
  }
  bool wait() {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 30s, [this] { return ended; });
  }
  size_t keys() const {
    return static_cast<size_t>(
        std::count_if(packets.begin(), packets.end(), [](const av::Packet& p) { return p.key; }));
  }
  size_t configurations() const {
    return static_cast<size_t>(
        std::count_if(packets.begin(), packets.end(),
                      [](const av::Packet& p) { return p.mark && !p.mark->extradata.empty(); }));
  }
};

struct Source {
  av::Track track;
  std::vector<av::Packet> packets;
};

// `count` pictures at 25 per second, each a little brighter.
Source source(int width, int height, int count, int64_t from = 0) {
  av::VideoEncoding o;
  o.preset = "ultrafast";
  o.tune = "zerolatency";
  o.width = width;
  o.height = height;
  o.bit_rate = 200'000;
  o.frame_rate = {25, 1};
  av::Encoder encoder(o);
  Source result{encoder.track(), {}};
  for (int i = 0; i < count; ++i) {
    encoder.send(grey(width, height, static_cast<uint8_t>(30 + 2 * i), from + i * 3600), i == 0);
    while (auto packet = encoder.receive()) result.packets.push_back(std::move(*packet));
  }
  return result;
}

RungSpec spec(const char* text) {
  return parse_rung(text);
}

void feed(PictureDecode& decode, const Source& source, Made& made) {
  for (size_t i = 0; i < source.packets.size(); ++i) {
    decode.push(source.packets[i], 0s);
    // Not faster than it is encoded: a test does not wait for real time.
    std::unique_lock lock(made.mutex);
    if (i >= 4)
      made.changed.wait_for(lock, 20ms,
                            [&] { return made.packets.size() + PictureEncode::kWaiting / 2 >= i; });
  }
}

int luma(av::Decoder& decoder, const av::Packet& packet) {
  decoder.send(packet);
  int value = -1;
  while (auto frame = decoder.receive()) value = frame->plane(0)[0];
  return value;
}

}  // namespace

TEST_CASE("PictureDecode: decoded once, encoded per setting, times kept") {
  const Source in = source(320, 180, 75);
  Made small, large;
  const auto a = std::make_shared<PictureEncode>(
      spec("120p@100k,preset=ultrafast,tune=zerolatency"), 1, small.sink());
  const auto b = std::make_shared<PictureEncode>(
      spec("180p@200k,preset=ultrafast,tune=zerolatency"), 1, large.sink());
  PictureDecode decode(in.track, 1);
  decode.set_encodes({a, b});
  feed(decode, in, small);
  decode.finish();
  REQUIRE(small.wait());
  REQUIRE(large.wait());
  const uint64_t dropped = a->status().dropped;
  CHECK(small.packets.size() == 75 - dropped);
  CHECK(a->status().width == 214);
  CHECK(b->status().height == 180);
  CHECK(small.keys() == 2);  // 0 s and 2 s
  CHECK(small.configurations() == 1);
  CHECK(small.packets.front().pts == 0);
  for (size_t i = 1; i < small.packets.size(); ++i)
    CHECK(small.packets[i].dts > small.packets[i - 1].dts);
  av::Track track;
  track.codec = "h264";
  track.time_base = kPictureBase;
  track.extradata = small.packets.front().mark->extradata;
  av::Decoder decoder(track);
  CHECK(std::abs(luma(decoder, small.packets.front()) - 30) <= 3);
}

TEST_CASE("PictureEncode: a source that changes its size") {
  Made made;
  PictureEncode encode(spec("180p@200k,preset=ultrafast,tune=zerolatency"), 1, made.sink());
  const auto offer = [&](int width, int height, int from, int count) {
    for (int i = from; i < from + count; ++i) {
      encode.offer(grey(width, height, 100, i * 3600), {25, 1});
      std::unique_lock lock(made.mutex);
      made.changed.wait_for(lock, 2s, [&] { return made.packets.size() > static_cast<size_t>(i); });
    }
  };
  SUBCASE("of the same shape: nothing changes behind") {
    offer(640, 360, 0, 5);
    offer(1280, 720, 5, 5);
    encode.finish();
    REQUIRE(made.wait());
    CHECK(made.packets.size() == 10);
    CHECK(made.configurations() == 1);
  }
  SUBCASE("of another shape: a new configuration with a keyframe") {
    offer(640, 360, 0, 5);
    offer(360, 640, 5, 5);
    encode.finish();
    REQUIRE(made.wait());
    CHECK(made.packets.size() == 10);
    CHECK(made.configurations() == 2);
    CHECK(made.packets[5].key);
    CHECK(encode.status().height == 320);
  }
}

TEST_CASE("PictureEncode: too much is left out, and nobody waits") {
  Made made;
  PictureEncode encode(spec("720p@2000k,preset=veryslow"), 1, made.sink());
  av::Frame picture = grey(1280, 720, 100, 0);
  for (int i = 0; i < 200; ++i) {
    picture.set_pts(i * 3600);
    encode.offer(picture, {25, 1});
  }
  CHECK(encode.status().dropped > 100);  // had offer() waited, none would be
}

TEST_CASE("PictureEncode: at most 60 pictures per second") {
  Made made;
  PictureEncode encode(spec("120p@100k,preset=ultrafast,tune=zerolatency"), 1, made.sink());
  for (int i = 0; i < 8; ++i) encode.offer(grey(160, 120, 100, i * 750), {120, 1});
  encode.finish();
  REQUIRE(made.wait());
  CHECK(made.packets.size() == 4);
  CHECK(encode.status().dropped == 0);
}

TEST_CASE("PictureDecode: waits for a keyframe, follows a new configuration, sheds what waits") {
  Made made;
  const auto encode = std::make_shared<PictureEncode>(
      spec("180p@200k,preset=ultrafast,tune=zerolatency"), 1, made.sink());
  Source in = source(320, 180, 10);
  SUBCASE("keyframe") {
    PictureDecode decode(in.track, 1);
    decode.set_encodes({encode});
    for (size_t i = 1; i < in.packets.size(); ++i) decode.push(in.packets[i], 0s);
    decode.finish();
    REQUIRE(made.wait());
    CHECK(made.packets.empty());
    CHECK(decode.dropped() == 0);  // it was not too slow
  }
  SUBCASE("configuration") {
    PictureDecode decode(in.track, 1);
    decode.set_encodes({encode});
    feed(decode, in, made);
    Source next = source(640, 480, 10, 36000);
    auto mark = std::make_shared<av::Mark>();
    mark->extradata = next.track.extradata;
    next.packets[0].mark = mark;
    for (const av::Packet& packet : next.packets) decode.push(packet, 0s);
    decode.finish();
    REQUIRE(made.wait());
    CHECK(made.configurations() == 2);
    CHECK(encode->status().width == 240);
    CHECK(decode.damaged() == 0);
  }
  SUBCASE("more than 2 s: up to the newest keyframe") {
    PictureDecode decode(in.track, 1);
    std::vector<av::Packet> many(3000, in.packets[1]);
    for (size_t i = 0; i < many.size(); ++i) {
      many[i].pts = many[i].dts = static_cast<int64_t>(i) * 3600;
      many[i].key = i % 50 == 0;
      many[i].data = in.packets[0].data;
      decode.push(many[i], 0s);
    }
    CHECK(decode.dropped() > 0);
  }
}

namespace {

Source beep(int packets) {
  av::Encoder encoder(av::AudioEncoding{"aac", 44100, 1, 64'000});
  Source result{encoder.track(), {}};
  for (int i = 0; i < packets; ++i) {
    av::Frame frame = av::Frame::sound(44100, 1, encoder.frame_samples());
    for (int s = 0; s < frame.samples(); ++s) {
      const int64_t at = static_cast<int64_t>(i) * frame.samples() + s;
      frame.channel(0)[s] = at >= 22050 && at < 24255 ? (at % 44 < 22 ? 0.5f : -0.5f) : 0.0f;
    }
    frame.set_pts(static_cast<int64_t>(i) * frame.samples());
    encoder.send(frame);
    while (auto packet = encoder.receive()) result.packets.push_back(std::move(*packet));
  }
  return result;
}

// Seconds at which the sound first is loud.
double onset(const av::Track& track, const std::vector<av::Packet>& packets) {
  av::Decoder decoder(track);
  for (const av::Packet& packet : packets) {
    decoder.send(packet);
    while (auto frame = decoder.receive()) {
      for (int i = 0; i < frame->samples(); ++i) {
        if (std::abs(frame->channel(0)[i]) > 0.2f)
          return static_cast<double>(rescale(frame->pts(), track.time_base, kNanosecondBase)) /
                     1e9 +
                 static_cast<double>(i) / frame->sample_rate();
      }
    }
  }
  return -1;
}

}  // namespace

TEST_CASE("SoundEncode: AAC of 48 kHz in sync") {
  const Source in = beep(60);
  Made made;
  SoundEncode encode(in.track, 128'000, made.sink());
  CHECK(encode.track().sample_rate == 48000);
  CHECK_FALSE(encode.track().extradata.empty());
  for (const av::Packet& packet : in.packets) encode.push(packet, 10s);
  SUBCASE("content is where it was") {
    encode.finish();
    REQUIRE(made.wait());
    CHECK(std::abs(onset(encode.track(), made.packets) - 10.5) < 0.005);
    for (size_t i = 1; i < made.packets.size(); ++i)
      CHECK(made.packets[i].pts - made.packets[i - 1].pts == 1024);
  }
  SUBCASE("an input that was away for a minute leaves no minute of silence") {
    for (const av::Packet& packet : in.packets) encode.push(packet, 72s);
    encode.finish();
    REQUIRE(made.wait());
    CHECK(made.packets.size() < 150);
    for (size_t i = 1; i < made.packets.size(); ++i)
      CHECK(made.packets[i].pts > made.packets[i - 1].pts);
  }
}
