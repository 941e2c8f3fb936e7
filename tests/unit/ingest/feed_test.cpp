#include "ingest/feed.h"

#include <doctest/doctest.h>

using namespace stream;
using namespace stream::media;

namespace {

av::Packet packet(int track, int64_t time, bool key) {
  av::Packet p;
  p.track = track;
  p.dts = p.pts = time;
  p.key = key;
  p.data = Buffer::copy(std::vector<uint8_t>{1});
  return p;
}

}  // namespace

TEST_CASE("Feed: a camera's first pictures that have no time stand before the first that has one") {
  av::Track picture;
  picture.type = av::MediaType::kVideo;
  picture.codec = "h264";
  picture.time_base = {1, 90000};
  picture.frame_rate = {30, 1};
  Hub hub;
  Timeline timeline;
  Feed feed(hub, timeline, {picture}, "1");
  const auto reader = hub.attach(OnSlow::kDrop, [] {});
  feed.push(packet(0, kNoTime, true));
  feed.push(packet(0, kNoTime, false));
  feed.push(packet(0, 90000, false));
  feed.push(packet(0, kNoTime, false));  // too late to be placed
  feed.push(packet(0, 93000, false));
  std::vector<int64_t> times;
  while (const auto p = reader->pop()) {
    CHECK(p->key == times.empty());
    times.push_back(p->dts);
  }
  CHECK(times == std::vector<int64_t>{0, 3000, 6000, 9000});
}
