#include "media/hub.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using namespace stream;
using media::Hub;
using media::HubReader;
using media::OnSlow;

namespace {

constexpr int kVideo = 0, kAudio = 1;

av::Tracks tracks(bool video = true) {
  av::Track sound;
  sound.type = av::MediaType::kAudio;
  sound.codec = "aac";
  av::Track picture;
  picture.codec = "h264";
  picture.extradata = Buffer::copy(Bytes(reinterpret_cast<const uint8_t*>("one"), 3));
  return video ? av::Tracks{picture, sound} : av::Tracks{sound};
}

av::Packet packet(int track, int64_t ms, bool key, size_t size = 1000) {
  av::Packet p;
  p.track = track;
  p.dts = p.pts = ms;
  p.key = key;
  p.data = std::move(BufferBuilder(size)).finish();
  return p;
}

// Pictures each 40 ms with a keyframe each `gop` of them, sound with every picture.
struct Feed {
  Hub& hub;
  int64_t ms = 0;
  int gop = 25;
  size_t size = 1000;
  void run(int frames) {
    for (int i = 0; i < frames; ++i, ms += 40) {
      hub.push(packet(kVideo, ms, ms / 40 % gop == 0, size));
      hub.push(packet(kAudio, ms + 1, true, 100));
    }
  }
};

std::vector<av::Packet> drain(HubReader& reader) {
  std::vector<av::Packet> all;
  while (auto p = reader.pop()) all.push_back(std::move(*p));
  return all;
}

bool all_decodable(const std::vector<av::Packet>& packets, int64_t step = 40) {
  int64_t last = INT64_MIN;
  for (const auto& p : packets) {
    if (p.track != kVideo) continue;
    if (!p.key && p.dts != last + step) return false;
    last = p.dts;
  }
  return true;
}

}  // namespace

TEST_CASE("Hub") {
  Hub hub;
  int wakes = 0;
  const auto wake = [&] { ++wakes; };

  SUBCASE("a reader from the start gets everything, and waits until the tracks are known") {
    const auto reader = hub.attach(OnSlow::kDrop, wake);
    CHECK(reader->state() == HubReader::State::kWaiting);
    hub.announce(tracks());
    CHECK(reader->state() == HubReader::State::kOpen);
    CHECK(wakes == 1);
    Feed{hub}.run(100);
    const auto got = drain(*reader);
    CHECK(got.size() == 200);
    CHECK(reader->dropped() == 0);
  }
  SUBCASE("bytes are shared") {
    hub.announce(tracks());
    const auto a = hub.attach(OnSlow::kDrop, wake), b = hub.attach(OnSlow::kDrop, wake);
    hub.push(packet(kVideo, 0, true));
    CHECK(a->pop()->data.data() == b->pop()->data.data());
  }
  SUBCASE("a late reader starts with the newest keyframe") {
    hub.announce(tracks());
    Feed{hub}.run(60);
    const auto reader = hub.attach(OnSlow::kDrop, wake);
    const auto got = drain(*reader);
    CHECK(got.front().key);
    CHECK(got.front().track == kVideo);
    CHECK(got.front().dts == 50 * 40);
    CHECK(got.size() == 20);
  }
  SUBCASE("sound before the first picture is kept") {
    hub.announce(tracks());
    for (int i = 0; i < 50; ++i) hub.push(packet(kAudio, i * 20, true, 100));
    const auto reader = hub.attach(OnSlow::kDrop, wake);
    CHECK(drain(*reader).size() == 50);
  }
  SUBCASE("a slow reader loses runs up to a keyframe; the others and the producer notice nothing") {
    hub.announce(tracks());
    const auto slow = hub.attach(OnSlow::kDrop, wake), good = hub.attach(OnSlow::kDrop, wake);
    Feed feed{hub};
    std::vector<av::Packet> all;
    for (int i = 0; i < 60; ++i) {
      feed.run(10);
      for (auto& p : drain(*good)) all.push_back(std::move(p));
      CHECK(slow->queued_span() <= 10s + 50ms);
    }
    CHECK(all.size() == 1200);
    CHECK(good->dropped() == 0);
    const auto got = drain(*slow);
    CHECK(got.front().key);
    CHECK(got.front().mark->discontinuity);
    CHECK(all_decodable(got));
    CHECK(slow->dropped() + got.size() == 1200);
    CHECK(slow->overflows() == 2);
    CHECK(hub.dropped() == slow->dropped());
    CHECK_FALSE(hub.congested());
  }
  SUBCASE("bytes bound the queue too") {
    hub.announce(tracks());
    const auto slow = hub.attach(OnSlow::kDrop, wake);
    Feed feed{hub};
    feed.size = 400'000;
    for (int i = 0; i < 200; ++i) {
      feed.run(1);
      CHECK(slow->queued_bytes() <= (8u << 20) + 400'100);
    }
    CHECK(slow->overflows() > 0);
    CHECK(all_decodable(drain(*slow)));
  }
  SUBCASE("a blocking reader loses nothing and says that it is full") {
    hub.announce(tracks());
    const auto slow = hub.attach(OnSlow::kBlock, wake);
    Feed feed{hub};
    feed.run(100);
    CHECK_FALSE(hub.congested());
    feed.run(200);
    CHECK(hub.congested());
    CHECK(drain(*slow).size() == 600);
    CHECK_FALSE(hub.congested());
  }
  SUBCASE("marks of dropped packets reach the reader") {
    hub.announce(tracks());
    const auto slow = hub.attach(OnSlow::kDrop, wake);
    Feed feed{hub};
    feed.run(10);
    av::Mark mark;
    mark.session = "second";
    mark.extradata = Buffer::copy(Bytes(reinterpret_cast<const uint8_t*>("two"), 3));
    av::Packet marked = packet(kVideo, feed.ms, true);
    marked.mark = std::make_shared<const av::Mark>(mark);
    av::Track changed = hub.tracks()[kVideo];
    changed.extradata = mark.extradata;
    hub.push(marked, &changed);
    feed.ms += 40;
    feed.run(280);
    const auto got = drain(*slow);
    REQUIRE(got.front().mark);
    CHECK(got.front().mark->session == "second");
    CHECK(got.front().mark->extradata == mark.extradata);
    CHECK(got.front().mark->discontinuity);
    const auto late = hub.attach(OnSlow::kDrop, wake);
    CHECK(late->tracks()[kVideo].extradata == mark.extradata);
  }
  SUBCASE("a run without a keyframe is kept up to its bound, then nothing until the next one") {
    hub.announce(tracks());
    Feed feed{hub};
    feed.gop = 1500;
    feed.run(200);
    CHECK(drain(*hub.attach(OnSlow::kDrop, wake)).size() == 400);
    feed.run(200);
    const auto reader = hub.attach(OnSlow::kDrop, wake);
    CHECK_FALSE(reader->pop());
    feed.run(1110);
    const auto got = drain(*reader);
    CHECK(got.front().key);
    CHECK(got.front().track == kVideo);
    CHECK(reader->dropped() == 0);
  }
  SUBCASE("sound only") {
    hub.announce(tracks(false));
    for (int i = 0; i < 2000; ++i) hub.push(packet(0, i * 20, true, 100));
    const auto reader = hub.attach(OnSlow::kDrop, wake);
    CHECK(drain(*reader).size() >= 499);
  }
  SUBCASE("other tracks end the sitting; the same ones do not") {
    hub.announce(tracks());
    const auto reader = hub.attach(OnSlow::kDrop, wake);
    hub.announce(tracks());
    CHECK(reader->state() == HubReader::State::kOpen);
    Feed{hub}.run(1);
    hub.announce(tracks(false));
    CHECK(reader->state() == HubReader::State::kEnded);
    CHECK(drain(*reader).size() == 2);
    CHECK(hub.attach(OnSlow::kDrop, wake)->tracks().size() == 1);
  }
  SUBCASE("the end") {
    hub.announce(tracks());
    const auto reader = hub.attach(OnSlow::kDrop, wake);
    Feed{hub}.run(1);
    hub.end();
    CHECK(drain(*reader).size() == 2);
    CHECK(reader->state() == HubReader::State::kEnded);
    CHECK(hub.attach(OnSlow::kDrop, wake)->state() == HubReader::State::kEnded);
  }
}
