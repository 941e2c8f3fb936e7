// The forwarder's parts without sockets: queue, feed, platform profiles, targets.
#include <doctest/doctest.h>

#include "base/error.h"
#include "encode/rung_spec.h"
#include "forward/auto_encode.h"
#include "forward/feed.h"
#include "forward/profile.h"
#include "forward/queue.h"
#include "unit/forward/made.h"

using namespace stream;
using namespace stream::media;
using namespace std::chrono_literals;

TEST_CASE("ForwardQueue") {
  ForwardQueue queue;
  const auto drain = [&queue] {
    std::vector<MessagePtr> all;
    while (auto m = queue.pop()) all.push_back(m);
    return all;
  };
  SUBCASE("10 s: pictures go up to the newest keyframe, sound stays as long as it can") {
    for (int64_t t = 0; t <= 10'500; t += 100) {
      queue.push(message(t, true, t % 2000 == 0));
      queue.push(message(t, false));
    }
    CHECK(queue.overflows() >= 1);
    CHECK(queue.milliseconds() <= ForwardQueue::kMaxMilliseconds);
    bool seen = false;
    for (const auto& m : drain()) {
      if (m->video && !seen) CHECK(m->entry);
      seen |= m->video;
    }
    CHECK(queue.dropped_video() > 50);
    CHECK(queue.dropped_audio() < 10);
  }
  SUBCASE("8 MiB of one GOP: all of it goes, and what follows waits for a keyframe") {
    queue.push(message(0, true, true, 1 << 20));
    for (int i = 1; i < 12; ++i) queue.push(message(i * 10, true, false, 1 << 20));
    CHECK(queue.bytes() <= ForwardQueue::kMaxBytes);
    queue.push(message(500, false));
    for (const auto& m : drain()) CHECK_FALSE(m->video);
    queue.push(message(600, true, true));
    CHECK(drain().size() == 1);
  }
  SUBCASE("bounded whatever comes") {
    for (int64_t t = 0; t < 100'000; t += 20) queue.push(message(t, false, false, 5000));
    CHECK(queue.bytes() <= ForwardQueue::kMaxBytes);
    CHECK(queue.milliseconds() <= ForwardQueue::kMaxMilliseconds);
    CHECK(queue.dropped_audio() > 1000);
  }
}

TEST_CASE("ForwardFeed") {
  ForwardFeed feed;
  feed.set_tracks(tracks());
  SUBCASE("opening: metadata, pictures' and sound's configuration") {
    const auto opening = feed.opening();
    REQUIRE(opening.size() == 3);
    CHECK(opening[0]->wire.type == rtmp::MessageType::kData);
    CHECK(opening[1]->video);
    CHECK(rtmp::payload_of(opening[2]->wire) == std::vector<uint8_t>{0xAF, 0, 0x11, 0x90});
  }
  SUBCASE("newcomers begin with the newest keyframe") {
    for (int64_t ms = 0; ms < 2500; ms += 100) {
      feed.push(packet(0, ms, ms % 1000 == 0), 0s);
      feed.push(packet(1, ms, true), 0s);
    }
    REQUIRE_FALSE(feed.cache().empty());
    CHECK(feed.cache().front()->entry);
    CHECK(feed.cache().front()->milliseconds == 2000);
    CHECK(feed.cache().size() == 10);
  }
  SUBCASE("a new configuration stands before the packet that needs it") {
    feed.push(packet(0, 0, true), 0s);
    auto changed = kAvcc;
    changed[3] = 0x0B;
    changed[11] = 0x0B;
    av::Packet p = packet(0, 100, true);
    auto mark = std::make_shared<av::Mark>();
    mark->extradata = Buffer::copy(changed);
    p.mark = mark;
    const auto& made = feed.push(p, 0s);
    REQUIRE(made.size() == 2);
    CHECK(made[0]->opening);
    CHECK(made[0]->milliseconds == 100);
    CHECK(made[1]->entry);
    // SPS and PPS stand before the keyframe as well.
    const auto body = rtmp::payload_of(made[1]->wire);
    CHECK(std::vector<uint8_t>(body.begin() + 5, body.begin() + 10) ==
          std::vector<uint8_t>{0, 0, 0, 11, 0x67});
    CHECK(body.size() == 5 + 4 + 11 + 4 + 4 + 6);
  }
  SUBCASE("Annex B is packed with lengths") {
    av::Tracks annexb = tracks();
    std::vector<uint8_t> extradata = {0, 0, 0, 1};
    extradata.insert(extradata.end(), kAvcc.begin() + 8, kAvcc.begin() + 19);
    extradata.insert(extradata.end(), {0, 0, 0, 1, 0x68, 0xCE, 0x0F, 0xC8});
    annexb[0].extradata = Buffer::copy(extradata);
    ForwardFeed other;
    other.set_tracks(annexb);
    REQUIRE(other.opening().size() == 3);
    av::Packet p = packet(0, 0, true);
    p.data = Buffer::copy(std::vector<uint8_t>{0, 0, 1, 0x65, 0x88});
    const auto made = other.push(p, 0s);
    REQUIRE(made.size() == 1);
    CHECK(made[0]->packet.data == Buffer::copy(std::vector<uint8_t>{0, 0, 0, 2, 0x65, 0x88}));
    CHECK(other.tracks()[0].extradata == Buffer::copy(kAvcc));
    CHECK(rtmp::payload_of(made[0]->wire) ==
          std::vector<uint8_t>{0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88});
  }
}

TEST_CASE("ForwardFeed: tracks that come back with another configuration") {
  ForwardFeed feed;
  feed.set_tracks(tracks());
  feed.push(packet(0, 0, true), 0s);
  auto changed = kAvcc;
  changed[3] = 0x0B;
  changed[11] = 0x0B;
  av::Tracks other = tracks();
  other[0].extradata = Buffer::copy(changed);
  feed.set_tracks(other);
  const auto made = feed.push(packet(0, 100, true), 0s);
  REQUIRE(made.size() == 2);
  CHECK(made[0]->opening);
  CHECK(feed.push(packet(0, 200, true), 0s).size() == 1);
}

TEST_CASE("ForwardFeed: packets for links that carry another container") {
  ForwardFeed feed;
  feed.set_tracks(tracks());
  REQUIRE(feed.tracks().size() == 2);
  CHECK(feed.tracks()[0].type == av::MediaType::kVideo);
  feed.push(packet(0, 0, true), 1s);
  const MessagePtr sound = feed.push(packet(1, 20, true), 1s).at(0);
  CHECK(sound->packet.track == 1);
  CHECK(sound->packet.dts == 1020);
  CHECK(sound->milliseconds == 1020);
}

TEST_CASE("parse_target") {
  const auto target = parse_target("rtmp://h/app/key?x=a/b");
  CHECK(target.app == "app");
  CHECK(target.key.reveal() == "key?x=a/b");
  CHECK(target.port == 1935);
  CHECK(target.tc_url() == "rtmp://h/app");
  const auto backup = parse_target("rtmps://h:8443/live2?backup=1", Secret("k"));
  CHECK(backup.app == "live2?backup=1");
  CHECK(backup.tc_url() == "rtmps://h:8443/live2?backup=1");
  CHECK(parse_target("rtmps://h/a/b/k").app == "a/b");
  CHECK(parse_target("rtmps://[::1]/a/k").tc_url() == "rtmps://[::1]/a");
  for (const char* bad :
       {"rtmp://h", "rtmp://h/key", "rtmp://h/app/", "http://h/a/b", "file:///x", "nonsense"})
    CHECK_THROWS_AS(parse_target(bad), Error);
}

TEST_CASE("follow") {
  const auto plain = parse_target("rtmp://h:1936/app/key"), tls = parse_target("rtmps://h/app/key");
  const auto moved = follow(plain, Secret("rtmp://other/app2"));
  REQUIRE(moved);
  CHECK(moved->host == "other");
  CHECK(moved->port == 1935);
  CHECK(moved->app == "app2");
  CHECK(moved->key.reveal() == "key");
  CHECK(follow(plain, Secret("rtmps://other/app2"))->port == 443);
  CHECK(follow(tls, Secret("rtmps://other"))->app == "app");
  CHECK_FALSE(follow(tls, Secret("rtmp://other/app")));
  for (const char* bad : {"", "http://other/app", "file:///etc/passwd", "other", "rtmp:///app"})
    CHECK_FALSE(follow(plain, Secret(bad)));
}

TEST_CASE("says_taken") {
  for (const char* words : {"Already publishing", "stream name is already in use", "StreamBusy"})
    CHECK(says_taken(words));
  for (const char* words : {"", "no", "Bad stream key", "not found"})
    CHECK_FALSE(says_taken(words));
}

TEST_CASE("check_profile") {
  av::Tracks media = tracks();
  media[0].height = 1080;
  media[0].width = 1920;
  media[0].frame_rate = {30, 1};
  const auto& twitch = *find_forward_profile("twitch");
  CHECK(check_profile(twitch, media, {}).empty());
  CHECK(check_profile(*find_forward_profile("custom"), media, {60'000'000, 0, 20}).empty());
  SUBCASE("what is not measured yet is no finding; what is too much is") {
    const auto findings = check_profile(twitch, media, {9'000'000, 9'200'000, 8.3});
    REQUIRE(findings.size() == 2);
    CHECK_FALSE(findings[0].refuse);
    CHECK(findings[0].reason == "twitch takes at most 6000kbit/s of pictures, not 9000k");
  }
  SUBCASE("codec and size refuse") {
    media[0].codec = "hevc";
    media[0].height = 2160;
    const auto findings = check_profile(twitch, media, {});
    REQUIRE(findings.size() == 2);
    CHECK(findings[0].refuse);
    CHECK(findings[1].refuse);
    CHECK(check_profile(*find_forward_profile("youtube"), media, {}).empty());
  }
  SUBCASE("opus") {
    media[1].codec = "opus";
    CHECK(check_profile(twitch, media, {}).at(0).refuse);
  }
}

TEST_CASE("check_profile: what encoding anew mends") {
  av::Tracks media = tracks();
  media[0].codec = "hevc";
  media[1].codec = "opus";
  const auto findings = check_profile(*find_forward_profile("twitch"), media, {9'000'000, 0, 20});
  REQUIRE(findings.size() == 4);
  for (const auto& finding : findings)
    CHECK(finding.mended == (finding.reason.find("opus") == std::string::npos));
  for (const ForwardProfile& profile : forward_profiles()) {
    const RungSpec rung = parse_rung(profile.encoding);
    CHECK((profile.max_video_bps == 0 || rung.bit_rate <= profile.max_video_bps));
    CHECK((profile.max_height == 0 || rung.box_height <= profile.max_height));
  }
  CHECK(to_text(parse_rung(find_forward_profile("twitch")->encoding)) ==
        "1080p@4500k,preset=veryfast");
}

TEST_CASE("AutoEncode: at once, and a copy again only after a minute that fits") {
  AutoEncode encode;
  CHECK_FALSE(encode.judge(true, 100s));
  CHECK(encode.judge(false, 101s));
  CHECK(encode.judge(true, 102s));
  CHECK(encode.judge(false, 150s));
  CHECK(encode.judge(true, 151s));
  CHECK(encode.judge(true, 210s));
  CHECK_FALSE(encode.judge(true, 211s));
  CHECK_FALSE(encode.judge(true, 212s));
  CHECK(encode.judge(false, 213s));
}
