#include "record/recorder.h"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>

#include "base/error.h"
#include "support.h"

using namespace stream;
using media::RecordedFile;
using media::Recorder;

namespace {

struct Run {
  explicit Run(const TempDir& dir,
               const std::function<void(media::RecorderOptions&)>& change = {}) {
    media::RecorderOptions options;
    options.output = dir.path;
    options.name = "demo";
    options.wait = true;
    if (change) change(options);
    media::RecorderEvents events;
    events.opened = [this](const RecordedFile&) { ++opened; };
    events.finisher.closed = [this](const RecordedFile& file) { closed.push_back(file); };
    events.finisher.finished = [this](const RecordedFile& file) { sha256.push_back(file.sha256); };
    events.finisher.session_ended = [this](const media::RecordedSession& session) {
      sessions.push_back(session.reason);
    };
    events.stalled = [this](const std::string&, const std::string& reason) { stalled = reason; };
    events.resumed = [this](Nanoseconds lost) { lost_time = lost; };
    events.split_late = [this](const media::LateSplit& split) { late.push_back(split); };
    recorder = std::make_unique<Recorder>(options, events);
  }
  std::atomic<int> opened = 0;
  std::vector<RecordedFile> closed;  // read after finish()
  std::vector<std::string> sha256, sessions;
  std::vector<media::LateSplit> late;
  std::string stalled;
  Nanoseconds lost_time{};
  std::unique_ptr<Recorder> recorder;
};

}  // namespace

TEST_CASE("Recorder: one file with all packets") {
  TempDir dir;
  Run run(dir);
  std::map<int, int> packets;
  run.recorder->set_tracks(recording::tracks());
  recording::play(4, 0, [&](const av::Packet& p) {
    ++packets[p.track];
    CHECK(run.recorder->push(p));
  });
  run.recorder->finish("the input ended");
  REQUIRE(run.closed.size() == 1);
  const RecordedFile& file = run.closed[0];
  CHECK(file.complete);
  CHECK(file.reason == "the input ended");
  CHECK(file.path.starts_with(dir.path + "/demo-2"));
  CHECK(file.path.ends_with("Z.mp4"));
  CHECK(recording::read(file.path).packets == packets);
  REQUIRE(file.tracks.size() == 2);
  CHECK(file.tracks[0].codec_string == "avc1.64001e");
  CHECK(file.tracks[0].samples == 120);
  CHECK(std::abs(std::chrono::duration<double>(file.duration).count() - 4) < 0.05);
  CHECK(run.recorder->status().dropped_packets == 0);
  CHECK_FALSE(run.recorder->push(av::Packet()));
}

TEST_CASE("Recorder: sound before the first picture is kept, pictures before a keyframe are not") {
  TempDir dir;
  Run run(dir);
  std::map<int, int> kept;
  run.recorder->set_tracks(recording::tracks());
  // From the middle of a run of pictures: the next keyframe is half a second away.
  recording::play(2.5, 0.5, [&](const av::Packet& p) {
    const bool undecodable = p.track == 0 && p.dts < 90000;
    if (!undecodable) ++kept[p.track];
    run.recorder->push(p);
  });
  run.recorder->finish("the input ended");
  REQUIRE(run.closed.size() == 1);
  CHECK(recording::read(run.closed[0].path).packets == kept);
  CHECK(run.recorder->status().dropped_packets ==
        0);  // nothing had begun that they are missing from
}

TEST_CASE("Recorder: a split that no keyframe allows waits, and is told once (I13)") {
  TempDir dir;
  Run run(dir, [](auto& options) { options.split_time = std::chrono::seconds(2); });
  std::map<int, int> packets;
  run.recorder->set_tracks(recording::tracks());
  recording::play(20, 0, [&](av::Packet p) {
    ++packets[p.track];
    const bool last_key = p.track == 0 && p.dts == 18 * 90000;
    if (p.track == 0 && p.dts > 0 && !last_key) p.key = false;
    run.recorder->push(p);
  });
  run.recorder->finish("the input ended");
  REQUIRE(run.late.size() == 1);
  CHECK(run.late[0].asked == "--split 2s");
  CHECK(run.late[0].keyframe_ago >= std::chrono::seconds(7));
  CHECK(run.late[0].keyframe_ago < std::chrono::milliseconds(7200));
  REQUIRE(run.closed.size() == 2);
  CHECK(run.late[0].path == run.closed[0].path);
  CHECK(run.closed[0].reason == "split");
  std::map<int, int> read;
  for (const auto& file : run.closed)
    for (const auto& [track, count] : recording::read(file.path).packets) read[track] += count;
  CHECK(read == packets);
}

TEST_CASE("Recorder: new parameters begin a new file and no packet is lost") {
  TempDir dir;
  Run run(dir);
  std::map<int, int> packets;
  run.recorder->set_tracks(recording::tracks());
  const auto push = [&](av::Packet p) {
    ++packets[p.track];
    if (p.track == 0 && p.dts == 2 * 90000) {
      av::Mark mark;
      mark.extradata = Buffer::copy(records::hex(records::kAvccInterlaced));
      p.mark = std::make_shared<const av::Mark>(mark);
    }
    run.recorder->push(p);
  };
  recording::play(4, 0, push);
  run.recorder->finish("the input ended");
  REQUIRE(run.closed.size() == 2);
  CHECK(run.closed[0].reason == "the codec's parameters changed");
  CHECK(run.closed[1].tracks[0].codec_string == "avc1.4d4028");
  CHECK(run.closed[1].tracks[0].track.width == 1920);
  CHECK(run.closed[0].path != run.closed[1].path);
  std::map<int, int> read;
  for (const auto& file : run.closed) {
    const auto content = recording::read(file.path);
    CHECK(content.monotonic);
    for (const auto& [track, count] : content.packets) read[track] += count;
  }
  CHECK(read == packets);
}

TEST_CASE("Recorder: new parameters of the sound wait for a keyframe to begin a file") {
  TempDir dir;
  Run run(dir);
  std::map<int, int> packets;
  run.recorder->set_tracks(recording::tracks());
  bool changed = false;
  recording::play(4, 0, [&](av::Packet p) {
    ++packets[p.track];
    if (p.track == 1 && p.dts > 48000 * 3 / 2 && !changed) {
      av::Mark mark;
      mark.extradata = Buffer::copy(records::hex("1188"));  // one channel
      p.mark = std::make_shared<const av::Mark>(mark);
      changed = true;
    }
    run.recorder->push(p);
  });
  run.recorder->finish("the input ended");
  REQUIRE(run.closed.size() == 2);
  CHECK(run.closed[0].reason == "the codec's parameters changed");
  CHECK(run.closed[0].tracks[0].samples == 60);  // up to the keyframe at 2 s
  CHECK(run.closed[1].tracks[1].track.channels == 1);
  std::map<int, int> read;
  for (const auto& file : run.closed) {
    av::Input input = av::Input::open(file.path);
    while (const auto packet = input.read()) {
      if (packet->track == 0 && read.count(0) && read[0] == 60) CHECK(packet->key);
      ++read[packet->track];
    }
  }
  CHECK(read == packets);
}

TEST_CASE("Recorder: split by time at keyframes, and nothing lost") {
  for (const auto container : {media::Container::kMp4, media::Container::kMatroska}) {
    TempDir dir;
    Run run(dir, [&](media::RecorderOptions& options) {
      options.split_time = std::chrono::seconds(3);
      options.container = container;
    });
    std::map<int, int> packets, read;
    run.recorder->set_tracks(recording::tracks());
    recording::play(10, 0, [&](const av::Packet& p) {
      ++packets[p.track];
      run.recorder->push(p);
    });
    run.recorder->finish("the input ended");
    CHECK(run.closed.size() == 4);
    for (const auto& file : run.closed) {
      for (const auto& [track, count] : recording::read(file.path).packets) read[track] += count;
    }
    CHECK(read == packets);
    CHECK(run.sha256.size() == 4);
  }
}

TEST_CASE("Recorder: the first free name; a session per request; pre-roll from a keyframe on") {
  TempDir dir;
  Run run(dir, [&](media::RecorderOptions& options) {
    options.output = dir.path + "/show.mp4";
    options.standby = true;
    options.pre_roll = std::chrono::seconds(2);
  });
  const auto wait = [&](auto done) {
    while (!done(run.recorder->status())) usleep(1000);
  };
  run.recorder->set_tracks(recording::tracks());
  recording::play(5, 0, [&](const av::Packet& p) { run.recorder->push(p); });
  wait([](const auto& s) { return s.queued_packets == 0; });
  CHECK(run.opened == 0);
  run.recorder->start();
  wait([](const auto& s) { return s.active; });
  recording::play(1, 5, [&](const av::Packet& p) { run.recorder->push(p); });
  wait([](const auto& s) { return s.queued_packets == 0; });
  run.recorder->stop();
  wait([](const auto& s) { return !s.active; });
  recording::play(1, 6, [&](const av::Packet& p) { run.recorder->push(p); });
  wait([](const auto& s) { return s.queued_packets == 0; });
  run.recorder->start();
  wait([](const auto& s) { return s.active; });
  recording::play(1, 7, [&](const av::Packet& p) { run.recorder->push(p); });
  run.recorder->finish("stopped");
  REQUIRE(run.closed.size() == 2);
  CHECK(run.closed[0].path == dir.path + "/show.mp4");
  CHECK(run.closed[1].path == dir.path + "/show-2.mp4");
  CHECK(run.closed[0].session == 1);
  CHECK(run.closed[1].session == 2);
  CHECK(recording::read(run.closed[0].path).packets[0] == 120);  // from 2 s to 6 s
  CHECK(recording::read(run.closed[1].path).packets[0] == 60);
  CHECK(run.sessions == std::vector<std::string>{"stopped on request", "stopped"});
}

TEST_CASE("PreRoll: whole groups, bounded") {
  media::PreRoll roll(std::chrono::seconds(3));
  recording::play(10, 0.5, [&](const av::Packet& p) {
    const Rational base{1, p.track == 0 ? 90000 : 48000};
    roll.add(p, Nanoseconds(rescale(p.dts, base, kNanosecondBase)), p.key && p.track == 0);
  });
  CHECK(roll.bytes() < 100'000);
  const auto packets = roll.take();
  REQUIRE(!packets.empty());
  CHECK(packets.front().key);
  CHECK(packets.front().dts == 7 * 90000);
  CHECK(roll.take().empty());
  av::Packet large;
  large.key = true;
  large.data = std::move(BufferBuilder(media::PreRoll::kMaxBytes)).finish();
  for (int i = 0; i < 3; ++i) roll.add(large, std::chrono::milliseconds(i), true);
  CHECK(roll.bytes() <= media::PreRoll::kMaxBytes);
}

TEST_CASE("FileNames") {
  const auto time = std::chrono::system_clock::from_time_t(1795168800);
  const auto first = [&](const std::string& output) {
    int n = 1;
    return media::FileNames(output, "demo", media::container_for(output, media::Container::kMp4))
        .path(time, n);
  };
  CHECK(first("/nowhere") == "/nowhere/demo-20261120T100000Z.mp4");
  CHECK(first("/nowhere/%Y/%m-%d.mkv") == "/nowhere/2026/11-20.mkv");
  CHECK(first("rec/%H") == "rec/10.mp4");
  CHECK(first("a%%b.ts") == "a%b.ts");
  CHECK(media::FileNames("/nowhere/x-%Y/%m.mp4", "", media::Container::kMp4).directory() ==
        "/nowhere");
  CHECK(media::FileNames("%Y.mp4", "", media::Container::kMp4).directory() == ".");
  CHECK_THROWS_AS(media::FileNames("rec/%Q", "", media::Container::kMp4), Error);
  CHECK_THROWS_AS(media::FileNames("rec/%", "", media::Container::kMp4), Error);
}

TEST_CASE("Recorder: other tracks begin a new file; marks without a change do not") {
  TempDir dir;
  Run run(dir);
  run.recorder->set_tracks(recording::tracks());
  const auto push = [&](av::Packet p) {
    av::Mark mark;
    mark.extradata = recording::tracks()[static_cast<size_t>(p.track)].extradata;
    mark.discontinuity = p.track == 0 && p.dts == 90000;
    p.mark = std::make_shared<const av::Mark>(mark);
    run.recorder->push(p);
  };
  recording::play(2, 0, push);
  av::Tracks video_only = {recording::tracks()[0]};
  run.recorder->set_tracks(video_only);
  recording::play(2, 2, [&](const av::Packet& p) {
    if (p.track == 0) run.recorder->push(p);
  });
  run.recorder->finish("stopped");
  REQUIRE(run.closed.size() == 2);
  CHECK(run.closed[0].discontinuities == 1);
  CHECK(run.closed[0].reason == "the tracks changed");
  CHECK(run.closed[1].tracks.size() == 1);
  CHECK(recording::read(run.closed[1].path).packets == std::map<int, int>{{0, 60}});
}

TEST_CASE("Recorder: time that steps back begins a new file, never an old one anew") {
  TempDir dir;
  Run run(dir);
  run.recorder->set_tracks(recording::tracks());
  recording::play(3, 0, [&](const av::Packet& p) { run.recorder->push(p); });
  recording::play(2, 0, [&](const av::Packet& p) { run.recorder->push(p); });
  run.recorder->finish("stopped");
  REQUIRE(run.closed.size() == 2);
  for (const auto& file : run.closed) CHECK(recording::read(file.path).monotonic);
  CHECK(recording::read(run.closed[1].path).packets[0] == 60);
}

TEST_CASE("Recorder: sound that comes seconds behind its picture is no new timeline") {
  for (const double lag : {0.5, 1.5, 4.0}) {
    for (const auto container : {media::Container::kMp4, media::Container::kMatroska}) {
      CAPTURE(lag);
      CAPTURE(static_cast<int>(container));
      TempDir dir;
      Run run(dir, [&](media::RecorderOptions& options) { options.container = container; });
      std::vector<std::pair<double, av::Packet>> packets;
      recording::play(10, 0, [&](const av::Packet& p) {
        const double time = static_cast<double>(p.dts) / (p.track == 0 ? 90000 : 48000);
        packets.emplace_back(time + (p.track == 1 ? lag : 0), p);
      });
      std::stable_sort(packets.begin(), packets.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
      std::map<int, int> count;
      run.recorder->set_tracks(recording::tracks());
      for (const auto& [time, packet] : packets) {
        ++count[packet.track];
        CHECK(run.recorder->push(packet));
      }
      run.recorder->finish("stopped");
      REQUIRE(run.closed.size() == 1);
      const auto content = recording::read(run.closed[0].path);
      CHECK(content.packets == count);
      // Of Matroska, which holds no decode times, FFmpeg guesses them.
      CHECK((content.monotonic || container == media::Container::kMatroska));
      CHECK(run.recorder->status().dropped_packets == 0);
      CHECK(std::abs(std::chrono::duration<double>(run.closed[0].duration).count() - 10) < 0.1);
    }
  }
}

TEST_CASE("Recorder: a file that can't grow is closed, the next begins with a keyframe") {
  TempDir dir;
  Run run(dir);
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1'300'000, old.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  run.recorder->set_tracks(recording::tracks());
  recording::play(20, 0, [&](const av::Packet& p) { run.recorder->push(p); });
  while (run.recorder->status().queued_packets > 0) usleep(1000);
  usleep(1'100'000);  // the recorder tries again after a second
  recording::play(3, 20.5, [&](const av::Packet& p) { run.recorder->push(p); });
  run.recorder->finish("stopped");
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  CHECK(run.stalled == "File too large");
  REQUIRE(run.closed.size() == 2);
  CHECK(run.closed[0].complete);
  CHECK(run.closed[1].complete);
  CHECK(recording::read(run.closed[0].path).packets[0] > 150);
  CHECK(recording::read(run.closed[1].path).packets[0] == 75);  // from the keyframe at 21 s on
  CHECK(run.lost_time > std::chrono::seconds(1));
  CHECK(run.recorder->status().dropped_packets > 100);
}

TEST_CASE("Recorder: what can't be recorded is said at once") {
  TempDir dir;
  SUBCASE("a codec") {
    Run run(dir);
    av::Tracks tracks = recording::tracks();
    tracks[0].codec = "mpeg2video";
    run.recorder->set_tracks(tracks);
    CHECK_THROWS_WITH_AS(run.recorder->finish("stopped"), doctest::Contains("mpeg2video"), Error);
  }
  SUBCASE("a directory") {
    Run run(dir);
    std::filesystem::remove_all(dir.path);
    run.recorder->set_tracks(recording::tracks());
    recording::play(1, 0, [&](const av::Packet& p) { run.recorder->push(p); });
    CHECK_THROWS_WITH_AS(run.recorder->finish("stopped"), doctest::Contains(dir.path.c_str()),
                         Error);
  }
}
