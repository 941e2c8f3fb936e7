// Frames through an encoder and back.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "av/decoder.h"
#include "av/encoder.h"
#include "base/error.h"

using namespace stream;
using namespace stream::av;

namespace {

// A bright bar that moves with the frame number.
Frame moving_bar(int width, int height, int number) {
  Frame f = Frame::picture(width, height);
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x++)
      f.plane(0)[y * f.stride(0) + x] = (x + width - number * 8 % width) % width < 32 ? 200 : 40;
  for (int p = 1; p < 3; p++)
    for (int y = 0; y < height / 2; y++)
      for (int x = 0; x < width / 2; x++) f.plane(p)[y * f.stride(p) + x] = 128;
  f.set_pts(int64_t{number} * 3000);
  return f;
}

double mean_difference(const Frame& a, const Frame& b) {
  double sum = 0;
  for (int y = 0; y < a.height(); y++)
    for (int x = 0; x < a.width(); x++)
      sum += std::abs(a.plane(0)[y * a.stride(0) + x] - b.plane(0)[y * b.stride(0) + x]);
  return sum / (a.width() * a.height());
}

VideoEncoding small() {
  VideoEncoding o;
  o.width = 320;
  o.height = 180;
  o.bit_rate = 400'000;
  return o;
}

std::vector<Packet> encode(Encoder& encoder, int frames, int key_every) {
  std::vector<Packet> packets;
  const auto take = [&] {
    while (auto p = encoder.receive()) packets.push_back(*p);
  };
  for (int i = 0; i < frames; i++) {
    encoder.send(moving_bar(320, 180, i), i % key_every == 0);
    take();
  }
  encoder.finish();
  take();
  return packets;
}

std::vector<Frame> decode(Decoder& decoder, const std::vector<Packet>& packets) {
  std::vector<Frame> frames;
  const auto take = [&] {
    while (auto f = decoder.receive()) frames.push_back(*f);
  };
  for (const Packet& p : packets) {
    decoder.send(p);
    take();
  }
  decoder.finish();
  take();
  return frames;
}

}  // namespace

TEST_CASE("an encoder is let go of at any time: before a picture, amid pictures, after the end") {
  for (const std::string& name : video_encoders()) {
    CAPTURE(name);
    VideoEncoding o;
    o.encoder = name;
    o.width = 320;
    o.height = 180;
    o.bit_rate = 200'000;
    for (const int pictures : {0, 1, 5}) {
      for (const bool ends : {false, true}) {
        try {
          Encoder encoder(o);
          for (int i = 0; i < pictures; ++i) encoder.send(moving_bar(320, 180, i), i == 0);
          if (ends) encoder.finish();
        } catch (const Error& e) {  // a device that is not there
          CHECK(e.code() == Exit::kUnsupported);
        }
      }
    }
  }
}

TEST_CASE("Encoder: video") {
  Encoder encoder(small());
  const auto packets = encode(encoder, 50, 20);
  REQUIRE(packets.size() == 50);

  SUBCASE("keyframes stand where they were asked for and nowhere else") {
    std::vector<int64_t> keys;
    for (const Packet& p : packets)
      if (p.key) keys.push_back(p.pts / 3000);
    CHECK(keys == std::vector<int64_t>{0, 20, 40});
  }
  SUBCASE("what was encoded can be decoded, in order, with its times") {
    CHECK_FALSE(encoder.track().extradata.empty());
    Decoder decoder(encoder.track());
    const auto frames = decode(decoder, packets);
    REQUIRE(frames.size() == 50);
    for (size_t i = 0; i < frames.size(); i++) {
      CHECK(frames[i].pts() == static_cast<int64_t>(i) * 3000);
      CHECK(mean_difference(frames[i], moving_bar(320, 180, static_cast<int>(i))) < 6);
    }
    CHECK(decoder.dropped() == 0);
  }
  SUBCASE("after a broken packet the decoder says nothing until the next keyframe") {
    auto damaged = packets;
    std::vector<uint8_t> junk(damaged[5].data.begin(), damaged[5].data.end());
    for (size_t i = 4; i < junk.size(); i++) junk[i] = 0xff;
    damaged[5].data = Buffer::copy(junk);
    Decoder decoder(encoder.track());
    const auto frames = decode(decoder, damaged);
    CHECK(decoder.dropped() > 0);
    CHECK(frames.size() < 50);
    REQUIRE(frames.size() >= 30);
    CHECK(frames[frames.size() - 30].pts() == 20 * 3000);
    for (const Frame& f : frames)
      CHECK(mean_difference(f, moving_bar(320, 180, static_cast<int>(f.pts() / 3000))) < 6);
  }
  SUBCASE("a stream that starts in mid-group starts at its first keyframe") {
    Decoder decoder(encoder.track());
    const auto frames = decode(decoder, {packets.begin() + 3, packets.end()});
    CHECK(frames.front().pts() == 20 * 3000);
    CHECK(frames.size() == 30);
  }
}

TEST_CASE("Encoder: options") {
  SUBCASE("an encoder that is not there is refused with those that are") {
    auto o = small();
    o.encoder = "libx266";
    try {
      Encoder encoder(o);
      FAIL("accepted");
    } catch (const Error& e) {
      CHECK(e.code() == Exit::kUnsupported);
      CHECK(std::string(e.what()).find("libx266") != std::string::npos);
      CHECK(e.hint().find("libx264") != std::string::npos);
    }
  }
  SUBCASE("a preset that is not there is refused") {
    auto o = small();
    o.preset = "verryfast";
    CHECK_THROWS_AS(Encoder{o}, Error);
  }
  SUBCASE(
      "low delay: every software encoder at hand gives pictures in the order they are shown in") {
    for (const std::string& name : video_encoders()) {
      if (name.rfind("lib", 0) != 0) continue;
      CAPTURE(name);
      auto o = small();
      o.encoder = name;
      o.low_delay = true;
      Encoder encoder(o);
      const auto packets = encode(encoder, 50, 20);
      CHECK(packets.size() == 50);
      for (size_t i = 1; i < packets.size(); ++i) CHECK(packets[i].pts > packets[i - 1].pts);
    }
  }
  SUBCASE("every software encoder at hand makes aligned keyframes") {
    for (const std::string& name : video_encoders()) {
      if (name.rfind("lib", 0) != 0) continue;
      CAPTURE(name);
      auto o = small();
      o.encoder = name;
      Encoder encoder(o);
      const auto packets = encode(encoder, 50, 20);
      CHECK(packets.size() == 50);
      std::vector<int64_t> keys;
      for (const Packet& p : packets)
        if (p.key) keys.push_back(p.pts / 3000);
      CHECK(keys == std::vector<int64_t>{0, 20, 40});
    }
  }
}

TEST_CASE("Encoder: low delay") {
  auto o = small();
  o.low_delay = true;
  o.tune = "film";  // goes beside it
  Encoder encoder(o);
  for (int i = 0; i < 5; ++i) {
    encoder.send(moving_bar(320, 180, i), i == 0);
    const auto packet = encoder.receive();
    REQUIRE(packet);
    CHECK(packet->pts == i * 3000);
    CHECK(packet->dts == packet->pts);
  }
}

TEST_CASE("Encoder: sound") {
  AudioEncoding o;
  Encoder encoder(o);
  REQUIRE(encoder.frame_samples() == 1024);
  std::vector<Packet> packets;
  const auto take = [&] {
    while (auto p = encoder.receive()) packets.push_back(*p);
  };
  for (int i = 0; i < 48; i++) {
    Frame f = Frame::sound(48000, 2, 1024);
    for (int c = 0; c < 2; c++)
      for (int n = 0; n < 1024; n++)
        f.channel(c)[n] = 0.5f * static_cast<float>(std::sin((i * 1024 + n) * 0.0576));
    f.set_pts(i * 1024);
    encoder.send(f);
    take();
  }
  encoder.finish();
  take();
  CHECK(encoder.track().extradata.size() >= 2);
  CHECK(packets.front().pts == -1024);
  Decoder decoder(encoder.track());
  const auto frames = decode(decoder, packets);
  CHECK(frames.size() >= 48);
  double energy = 0;
  for (int n = 0; n < 1024; n++) energy += std::pow(frames[20].channel(0)[n], 2);
  CHECK(std::sqrt(energy / 1024) == doctest::Approx(0.3535).epsilon(0.05));
}
