#include "srt/caller.h"

#include <doctest/doctest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <optional>

using namespace stream;
using namespace std::chrono_literals;
using boost::asio::ip::make_address;
using Target = net::AddressTurns::Endpoint;

namespace {

// A listener at 127.0.0.1, nobody at the other addresses, and one caller after the other.
struct Addresses {
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  srt::Engine engine{io};
  std::shared_ptr<net::AddressTurns> turns = std::make_shared<net::AddressTurns>();
  std::unique_ptr<srt::Listener> listener;
  std::shared_ptr<srt::Socket> accepted;
  int refusal = 0;

  Addresses() {
    srt::Listener::Handlers handlers;
    handlers.asked = [this](const srt::Asking&, const srt::Listener::Handlers::Answered& answered) {
      answered({refusal, {}, {}});
    };
    handlers.accepted = [this](std::shared_ptr<srt::Socket> socket, std::shared_ptr<void>) {
      accepted = std::move(socket);
      accepted->start({});
    };
    listener = engine.listen("127.0.0.1", 0, {}, std::move(handlers));
  }
  Target at(const char* address) const { return {make_address(address), listener->port()}; }

  // The failure; none when it is connected.
  std::optional<srt::Failure> call(const std::vector<Target>& all, srt::Settings settings = {}) {
    settings.connect_timeout = 900ms;
    srt::Caller caller(engine, turns, std::move(settings));
    bool connected = false;
    int ends = 0;
    std::optional<srt::Failure> failure;
    srt::Socket::Handlers handlers;
    handlers.connected = [&] { connected = true; };
    handlers.closed = [&](const srt::Failure& f) {
      ++ends;
      failure = f;
    };
    caller.call(all, std::move(handlers));
    while (!connected && ends == 0) io.run_one();
    CHECK(ends == (connected ? 0 : 1));
    return failure;
  }
};

}  // namespace

TEST_CASE("srt::Caller goes on to the next address") {
  Addresses where;
  const Target dead = where.at("127.0.0.2"), live = where.at("127.0.0.1");
  SUBCASE("at once, and begins with the one that answered the next time") {
    CHECK_FALSE(where.call({dead, live}));
    CHECK(where.turns->order({dead, live}).front() == live);
  }
  SUBCASE("up to three, and others the next time") {
    const std::vector<Target> all = {dead, where.at("127.0.0.3"), where.at("127.0.0.4"), live};
    const auto failure = where.call(all);
    REQUIRE(failure);
    CHECK(failure->kind == srt::Failure::Kind::kUnreachable);
    CHECK_FALSE(where.call(all));
  }
  SUBCASE("not when the first one says no") {
    where.refusal = srt::kForbidden;
    const auto failure = where.call({live, dead});
    REQUIRE(failure);
    CHECK(failure->kind == srt::Failure::Kind::kRefused);
    CHECK(where.turns->order({live, dead}).front() == live);
  }
}
