#include "forward/ts_packer.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "unit/forward/made.h"

using namespace stream;
using namespace stream::media;

namespace {

struct Packed {
  std::vector<uint8_t> bytes;
  int lost_video = 0, lost_audio = 0;
  std::string reason;
  av::Tracks source = tracks();
  TsPacker packer{[this] { return source; },
                  [this](bool video, const std::string& why) {
                    ++(video ? lost_video : lost_audio);
                    reason = why;
                  }};

  // How many bytes came of it.
  size_t add(int track, int64_t ms, bool key = false) {
    ForwardMessage message;
    message.packet = packet(track, ms, key);
    message.milliseconds = ms;
    message.video = track == 0;
    message.entry = key && message.video;
    const size_t before = bytes.size();
    packer.add(message, 0, bytes);
    return bytes.size() - before;
  }
};

}  // namespace

// The muxer gathers sound before it writes: what was lost tells, not how much came.
TEST_CASE("TsPacker: a packet that the muxer does not take is lost, and no other") {
  Packed p;
  CHECK(p.add(0, 0, true) > 0);
  p.add(1, 0);
  p.add(1, 20);
  CHECK(p.lost_audio == 0);
  p.add(1, 20);  // a time that was there before
  CHECK(p.lost_audio == 1);
  CHECK(p.reason.starts_with("a packet could not be sent as MPEG-TS: "));
  p.add(1, 40);
  CHECK(p.lost_audio == 1);
  CHECK(p.add(0, 33) > 0);
  CHECK(p.lost_video == 0);
  CHECK(p.bytes.size() % 188 == 0);
}

TEST_CASE("TsPacker: after a picture that is lost the next one is a keyframe") {
  Packed p;
  p.add(0, 0, true);
  CHECK(p.add(0, 0) == 0);
  CHECK(p.add(0, 33) == 0);
  p.add(1, 40);
  CHECK(p.lost_video == 2);
  CHECK(p.lost_audio == 0);
  CHECK(p.add(0, 66, true) > 0);
  CHECK(p.add(0, 100) > 0);
  CHECK(p.lost_video == 2);
}

TEST_CASE("TsPacker: a track of which nothing is taken any more is an error") {
  Packed p;
  p.add(1, 1000);
  int lost = 0;
  const auto lose = [&] {
    for (int i = 0; i < 100; ++i) {
      p.add(1, 500 + i);
      ++lost;
    }
  };
  CHECK_THROWS_AS(lose(), Error);
  CHECK(lost == 9);
  CHECK(p.lost_audio == 9);
}

TEST_CASE("TsPacker: what MPEG-TS can't hold is said at once") {
  Packed p;
  p.source[0].codec = "no such codec";
  try {
    p.add(0, 0, true);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::kUnsupported);
  }
}
