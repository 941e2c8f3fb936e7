#include "media/bus.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <optional>
#include <thread>

#include "base/error.h"
#include "media/input.h"
#include "os/dirs.h"
#include "unit/temp_dir.h"

using namespace std::chrono_literals;
using namespace stream;
using media::BusServer;
using media::Hub;
using media::MediaInput;

namespace {

av::Tracks sounds(size_t count = 1) {
  av::Track track;
  track.type = av::MediaType::kAudio;
  track.codec = "pcm_s16le";
  track.sample_rate = 48000;
  track.channels = 1;
  return av::Tracks(count, track);
}

av::Packet sound_packet(int64_t ms, int track = 0) {
  static const uint8_t kSamples[1920] = {};
  av::Packet p;
  p.track = track;
  p.pts = p.dts = ms;
  p.key = true;
  p.duration = 20;
  p.data = Buffer::copy(kSamples);
  return p;
}

// The hub and its bus on a thread of their own, as in ingest.
struct Publisher {
  boost::asio::io_context io;
  Hub hub;
  BusServer bus;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  std::thread thread{[this] { io.run(); }};

  explicit Publisher(const std::string& name) : bus(io, hub, name) {}
  template <typename F>
  void on_thread(F f) {
    std::promise<void> done;
    boost::asio::post(io, [&] {
      f();
      done.set_value();
    });
    done.get_future().wait();
  }
  void push(int64_t from, int count) {
    on_thread([&] {
      for (int i = 0; i < count; ++i) hub.push(sound_packet(from + i * 20));
    });
  }
  void end() {
    on_thread([&] {
      bus.close();
      hub.end();
    });
  }
  ~Publisher() {
    io.stop();
    thread.join();
  }
};

int count(MediaInput& input) {
  int packets = 0;
  while (!std::holds_alternative<MediaInput::End>(input.read())) ++packets;
  return packets;
}

}  // namespace

TEST_CASE("BusServer") {
  RuntimeDir dir;
  Publisher publisher("demo");
  const std::string path = os::media_socket_path("demo");
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);

  SUBCASE("readers come and go, each with a stream of its own") {
    publisher.on_thread([&] { publisher.hub.announce(sounds()); });
    publisher.push(0, 10);
    MediaInput first("bus:demo");
    {
      MediaInput second("bus:demo");
      CHECK(std::holds_alternative<av::Packet>(second.read()));
    }
    publisher.push(200, 10);
    publisher.end();
    CHECK(count(first) == 20);
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK_FALSE(std::filesystem::exists(dir.path + "/demo"));
  }
  SUBCASE("what it sends is not repaired: a gap that a slow reader has stays as long as it was") {
    publisher.on_thread([&] { publisher.hub.announce(sounds()); });
    publisher.push(0, 10);
    media::InputOptions options;
    options.repair = true;
    MediaInput input("bus:demo", options);
    publisher.push(300'000, 10);
    publisher.end();
    std::vector<int64_t> times;
    for (auto item = input.read(); auto* p = std::get_if<av::Packet>(&item); item = input.read())
      times.push_back(rescale(p->dts, input.tracks()[0].time_base, {1, 1000}));
    REQUIRE(times.size() == 20);
    for (int64_t i = 0; i < 20; ++i)
      CHECK(times[static_cast<size_t>(i)] == (i < 10 ? 0 : 299'800) + i * 20);
  }
  SUBCASE("a reader that came before the tracks were known") {
    std::thread reader([] {
      MediaInput input("bus:demo");
      CHECK(count(input) == 10);
    });
    bool there = false;
    while (!there) publisher.on_thread([&] { there = !publisher.bus.readers().empty(); });
    publisher.on_thread([&] { publisher.hub.announce(sounds()); });
    publisher.push(0, 10);
    publisher.end();
    reader.join();
  }
  SUBCASE("other tracks: the reader joins again") {
    publisher.on_thread([&] { publisher.hub.announce(sounds()); });
    publisher.push(0, 10);
    MediaInput input("bus:demo");
    publisher.on_thread([&] { publisher.hub.announce(sounds(2)); });
    publisher.on_thread([&] { publisher.hub.push(sound_packet(200, 1)); });
    publisher.push(200, 10);
    bool changed = false;
    int packets = 0;
    std::thread end;
    for (;;) {
      const auto item = input.read();
      if (std::holds_alternative<MediaInput::End>(item)) break;
      if (std::holds_alternative<MediaInput::TracksChanged>(item)) {
        changed = true;
        end = std::thread([&] { publisher.end(); });
      } else {
        ++packets;
      }
    }
    end.join();
    CHECK(changed);
    CHECK(packets == 21);
    CHECK(input.tracks().size() == 2);
  }
  SUBCASE("the name is taken") {
    boost::asio::io_context io;
    Hub hub;
    try {
      BusServer other(io, hub, "demo");
      FAIL("two on one name");
    } catch (const Error& error) {
      CHECK(error.code() == Exit::kLocked);
      CHECK(std::string(error.what()).find("demo") != std::string::npos);
    }
    CHECK(std::filesystem::exists(path));
  }
}

TEST_CASE("BusServer takes the place of a dead one") {
  RuntimeDir dir;
  os::stream_runtime_dir("demo");
  const std::string path = os::media_socket_path("demo");
  { std::filesystem::create_symlink("/nonexistent", path); }
  boost::asio::io_context io;
  Hub hub;
  BusServer bus(io, hub, "demo");
  CHECK(std::filesystem::is_socket(path));
}

TEST_CASE("BusServer may end while the turn of a reader waits that it has accepted") {
  RuntimeDir dir;
  boost::asio::io_context io;
  Hub hub;
  std::optional<BusServer> bus(std::in_place, io, hub, "demo");
  boost::asio::steady_timer end(io, 0ms);
  end.async_wait([&](boost::system::error_code) { bus.reset(); });
  // The first is accepted when the loop begins, and the second at once after it.
  std::vector<boost::asio::local::stream_protocol::socket> readers;
  for (int i = 0; i < 2; ++i) readers.emplace_back(io).connect(os::media_socket_path("demo"));
  std::this_thread::sleep_for(10ms);
  io.run_for(2s);
  CHECK_FALSE(bus);
  CHECK(io.stopped());
}
