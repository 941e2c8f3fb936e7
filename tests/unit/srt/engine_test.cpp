#include "srt/engine.h"

#include <doctest/doctest.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <mutex>

#include "base/error.h"

using namespace stream;
using namespace std::chrono_literals;
using srt::Answer;
using srt::Asking;
using srt::Engine;
using srt::Failure;
using srt::Listener;
using srt::Settings;
using srt::Socket;

namespace {

// A listener and callers on one loop, which the test's thread runs until something holds.
struct Stage {
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  Engine engine{io};
  std::vector<std::string> asked;
  Answer answer;
  bool late = false;
  std::function<void()> answer_late;
  std::shared_ptr<Socket> accepted;
  std::optional<Failure> ended, refused;
  bool connected = false, writable = false;
  std::atomic<bool> full{false};
  std::mutex mutex;
  std::string bytes;  // received
  std::unique_ptr<Listener> listener;

  void listen(const Settings& settings = {}) {
    Listener::Handlers handlers;
    handlers.asked = [this](const Asking& asking, const Listener::Handlers::Answered& answered) {
      asked.push_back(asking.stream_id);
      if (late)
        answer_late = [answered, this] { answered(answer); };
      else
        answered(answer);
    };
    handlers.accepted = [this](std::shared_ptr<Socket> socket, std::shared_ptr<void>) {
      accepted = std::move(socket);
      Socket::Handlers link;
      link.received = [this](const Buffer& b) {
        if (full) return false;
        const std::lock_guard lock(mutex);
        bytes.append(reinterpret_cast<const char*>(b.data()), b.size());
        return true;
      };
      link.closed = [this](const Failure& failure) { ended = failure; };
      accepted->start(std::move(link));
    };
    listener = engine.listen("127.0.0.1", 0, settings, std::move(handlers));
  }
  std::shared_ptr<Socket> call(Settings settings = {}) {
    Socket::Handlers handlers;
    handlers.connected = [this] { connected = true; };
    handlers.writable = [this] { writable = true; };
    handlers.closed = [this](const Failure& failure) { refused = failure; };
    return engine.connect({boost::asio::ip::address_v4::loopback(), listener->port()},
                          std::move(settings), std::move(handlers));
  }
  template <typename F>
  bool run_until(F condition, std::chrono::milliseconds limit = 8s) {
    const Nanoseconds end = monotonic_now() + limit;
    bool holds = condition();
    while (!holds && monotonic_now() < end) {
      io.run_for(5ms);
      holds = condition();
    }
    return holds;
  }
  size_t received() {
    const std::lock_guard lock(mutex);
    return bytes.size();
  }
};

Settings with_id(const std::string& id, const std::string& passphrase = {}) {
  Settings settings;
  settings.stream_id = Secret(id);
  settings.passphrase = Secret(passphrase);
  return settings;
}

}  // namespace

TEST_CASE("srt::Engine") {
  Stage stage;

  SUBCASE("bytes arrive, the end is told, statistics are there") {
    stage.listen();
    const auto socket = stage.call(with_id("#!::r=demo,m=publish"));
    REQUIRE(stage.run_until([&] { return stage.connected && stage.accepted; }));
    CHECK(stage.asked == std::vector<std::string>{"#!::r=demo,m=publish"});
    std::string sent;
    for (int i = 0; i < 200; ++i) {
      const std::string piece(static_cast<size_t>(188 * (1 + i % 9)),
                              static_cast<char>('a' + i % 26));
      const Buffer b = Buffer::copy({reinterpret_cast<const uint8_t*>(piece.data()), piece.size()});
      REQUIRE(stage.run_until([&] { return socket->send(b); }));
      sent += piece;
    }
    CHECK(stage.run_until([&] { return stage.received() == sent.size(); }));
    CHECK(stage.bytes == sent);
    CHECK(stage.run_until([&] { return socket->stats().acknowledged_bytes == sent.size(); }));
    CHECK(stage.run_until([&] { return stage.accepted->stats().received_packets > 0; }));
    CHECK(socket->stats().sent_bytes == sent.size());
    socket->close();
    REQUIRE(stage.run_until([&] { return stage.ended.has_value(); }));
    CHECK(stage.ended->kind == Failure::Kind::kClosed);
  }
  SUBCASE("finish() lets the last bytes out") {
    stage.listen();
    const auto socket = stage.call();
    REQUIRE(stage.run_until([&] { return stage.connected && stage.accepted; }));
    const std::vector<uint8_t> piece(188 * 700, 7);
    REQUIRE(socket->send(Buffer::copy(piece)));
    socket->finish();
    CHECK(stage.run_until([&] { return stage.ended.has_value(); }));
    CHECK(stage.received() == piece.size());
  }
  SUBCASE("a receiver without room loses nothing that fits libsrt's buffer") {
    stage.listen();
    const auto socket = stage.call();
    REQUIRE(stage.run_until([&] { return stage.connected && stage.accepted; }));
    stage.full = true;
    const std::vector<uint8_t> piece(188 * 70, 9);
    for (int i = 0; i < 10; ++i) REQUIRE(socket->send(Buffer::copy(piece)));
    REQUIRE(
        stage.run_until([&] { return socket->stats().acknowledged_bytes == 10 * piece.size(); }));
    CHECK(stage.received() == 0);
    stage.full = false;
    CHECK(stage.run_until([&] { return stage.received() == 10 * piece.size(); }));
  }
  SUBCASE("the queue of what is sent has a bound") {
    stage.listen();
    const auto socket = stage.call();
    const Buffer piece = Buffer::copy(std::vector<uint8_t>(188 * 700, 1));
    int taken = 0;
    while (socket->send(piece)) REQUIRE(++taken < 10);  // not connected yet: nothing leaves
    CHECK(stage.run_until([&] { return stage.writable; }));
    CHECK(socket->send(piece));
  }
  SUBCASE("who is refused learns why") {
    stage.listen();
    stage.answer.refused = srt::kUnauthorized;
    const auto socket = stage.call(with_id("wrong"));
    REQUIRE(stage.run_until([&] { return stage.refused.has_value(); }));
    CHECK(stage.refused->kind == Failure::Kind::kRefused);
    CHECK(stage.refused->code == srt::kUnauthorized);
    CHECK(stage.refused->permanent);
    CHECK_FALSE(stage.accepted);
  }
  SUBCASE("an answer that comes later") {
    stage.listen();
    stage.late = true;
    const auto socket = stage.call(with_id("demo"));
    REQUIRE(stage.run_until([&] { return stage.answer_late != nullptr; }));
    CHECK_FALSE(stage.connected);
    stage.answer_late();
    CHECK(stage.run_until([&] { return stage.connected && stage.accepted; }));
  }
  SUBCASE("an answer that does not come") {
    stage.listen();
    stage.late = true;
    const auto socket = stage.call(with_id("demo"));
    REQUIRE(stage.run_until([&] { return stage.refused.has_value(); }));
    CHECK(stage.refused->code == srt::kOverload);
    CHECK_FALSE(stage.refused->permanent);
    stage.answer_late();  // harms nobody
    CHECK_FALSE(stage.run_until([&] { return stage.accepted != nullptr; }, 100ms));
  }
  SUBCASE("questions without an answer keep the port waiting a part of the time only") {
    stage.listen();
    stage.late = true;
    std::vector<std::shared_ptr<Socket>> callers;
    size_t refused = 0;
    const Nanoseconds began = monotonic_now();
    for (int i = 0; i < 40; ++i) {
      Settings settings = with_id("demo");
      settings.connect_timeout = 20s;
      Socket::Handlers handlers;
      handlers.closed = [&](const Failure&) { ++refused; };
      callers.push_back(
          stage.engine.connect({boost::asio::ip::address_v4::loopback(), stage.listener->port()},
                               std::move(settings), std::move(handlers)));
    }
    REQUIRE(stage.run_until([&] { return refused == callers.size(); }, 60s));
    CHECK(monotonic_now() - began < 20s);  // 40 times kDecision otherwise
  }
  SUBCASE("a passphrase that the answer chooses") {
    Settings settings;
    settings.passphrase = Secret("of the listener");
    stage.listen(settings);
    stage.answer.passphrase = Secret("of the stream alone");
    const auto right = stage.call(with_id("demo", "of the stream alone"));
    CHECK(stage.run_until([&] { return stage.connected; }));
    const auto wrong = stage.call(with_id("demo", "of the listener"));
    REQUIRE(stage.run_until([&] { return stage.refused.has_value(); }));
    CHECK(stage.refused->kind == Failure::Kind::kRefused);
  }
  SUBCASE("only one side encrypts") {
    stage.listen();
    const auto socket = stage.call(with_id("demo", "a passphrase"));
    REQUIRE(stage.run_until([&] { return stage.refused.has_value(); }));
    CHECK(stage.refused->kind == Failure::Kind::kRefused);
    CHECK(stage.refused->permanent);
  }
  SUBCASE("nobody there") {
    stage.listen();
    Settings settings;
    settings.connect_timeout = 300ms;
    const auto port = stage.listener->port();
    stage.listener.reset();
    Socket::Handlers handlers;
    handlers.closed = [&](const Failure& failure) { stage.refused = failure; };
    const auto socket = stage.engine.connect({boost::asio::ip::address_v4::loopback(), port},
                                             settings, std::move(handlers));
    REQUIRE(stage.run_until([&] { return stage.refused.has_value(); }));
    CHECK(stage.refused->kind == Failure::Kind::kUnreachable);
  }
  SUBCASE("the greater latency counts for both") {
    Settings settings;
    settings.latency = 400ms;
    stage.listen(settings);
    const auto socket = stage.call();
    REQUIRE(stage.run_until([&] { return stage.connected && stage.accepted; }));
    CHECK(stage.run_until([&] { return stage.accepted->stats().latency_seconds == 0.4; }));
  }
  SUBCASE("a port in use") {
    stage.listen();
    Engine other(stage.io);
    CHECK_THROWS_AS(other.listen("127.0.0.1", stage.listener->port(), {}, {}), Error);
  }
  SUBCASE("released in every state") {
    stage.listen();
    for (int i = 0; i < 5; ++i) {
      const auto socket = stage.call();
      if (i > 2) stage.run_until([&] { return stage.connected; });
      if (i == 4) stage.listener.reset();
    }
  }
}

TEST_CASE("srt::Engine calls and is called at once") {
  // Both sides of a rendezvous have one port, so each has an address of its own here.
  Stage here, there;
  Settings settings;
  settings.rendezvous = true;
  here.listen();
  const uint16_t port = here.listener->port();
  here.listener.reset();
  here.run_until([] { return false; }, 50ms);
  Socket::Handlers a, b;
  a.connected = [&] { here.connected = true; };
  b.connected = [&] { there.connected = true; };
  b.received = [&](const Buffer& bytes) {
    const std::lock_guard lock(there.mutex);
    there.bytes.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return true;
  };
  settings.local_host = "127.0.0.1";
  const auto one = here.engine.connect({boost::asio::ip::make_address("127.0.0.2"), port}, settings,
                                       std::move(a));
  settings.local_host = "127.0.0.2";
  const auto two = there.engine.connect({boost::asio::ip::make_address("127.0.0.1"), port},
                                        settings, std::move(b));
  REQUIRE(here.run_until([&] {
    there.io.run_for(1ms);
    return here.connected && there.connected;
  }));
  REQUIRE(one->send(Buffer::copy(std::vector<uint8_t>(1880, 3))));
  CHECK(here.run_until([&] {
    there.io.run_for(1ms);
    return there.received() == 1880;
  }));
}
