#include "control/service.h"

#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <future>
#include <thread>

#include "control/client.h"
#include "os/dirs.h"
#include "os/fd.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::control;
using std::chrono::seconds;

namespace {

std::vector<Json> events_in(const std::string& path) {
  std::vector<Json> events;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) events.push_back(Json::parse(line));
  return events;
}

}  // namespace

TEST_CASE("service: status and stop by the control socket") {
  const RuntimeDir dir;
  Service service({"test", "demo", dir.path + "/events"});
  service.status([](const std::string& name) { return Json{{"extra", name}}; });
  Client client(os::control_socket_path("demo", "test"));
  CHECK(client.call("status")["state"] == "starting");
  service.ready("up");
  const Json status = client.call("status");
  CHECK(status["schema"] == "stream.status/1");
  CHECK(status["tool"] == "stream-test");
  CHECK(status["stream"] == "demo");
  CHECK(status["state"] == "running");
  CHECK(status["detail"] == "up");
  CHECK(status["extra"] == "demo");
  CHECK(status["pid"] == ::getpid());
  int stopped = 0;
  service.on_stop([&] { ++stopped; });
  CHECK(!service.stopping());
  CHECK(client.call("stop") == Json{{"stopping", true}});
  CHECK(service.wait_stop(seconds(5)));
  CHECK(service.run([] { return Exit::kOk; }) == 0);
  CHECK(stopped == 1);
  const auto events = events_in(dir.path + "/events");
  REQUIRE(events.size() == 3);
  CHECK(events[0]["event"] == "service.ready");
  CHECK(events[1]["event"] == "service.stopping");
  CHECK(events[2]["event"] == "exit");
  CHECK(events[2]["code"] == 0);
  CHECK(!std::filesystem::exists(dir.path + "/demo"));
}

TEST_CASE("service: a subscriber sees the exit") {
  const RuntimeDir dir;
  auto service = std::make_unique<Service>(ServiceOptions{"test", "demo", ""});
  Client client(os::control_socket_path("demo", "test"));
  client.call("subscribe");
  service->ready("up");
  service->stop("enough");
  service->finish();
  std::string last;
  while (const auto line = client.next_line(seconds(5))) last = *line;
  CHECK(Json::parse(last)["event"] == "exit");
  CHECK(Json::parse(last)["reason"] == "enough");
}

TEST_CASE("service: signals") {
  const RuntimeDir dir;
  Service service({"test", "", ""});
  SUBCASE("SIGTERM before it was ready") {
    ::kill(::getpid(), SIGTERM);
    REQUIRE(service.wait_stop(seconds(5)));
    CHECK(service.finish() == 143);
  }
  SUBCASE("SIGTERM once ready") {
    service.ready("up");
    ::kill(::getpid(), SIGTERM);
    REQUIRE(service.wait_stop(seconds(5)));
    CHECK(service.finish() == 0);
  }
  SUBCASE("SIGINT, and its copies count once") {
    service.ready("up");
    // raise() has been handled when it returns; a copy still on its way when the service is gone
    // would end this program.
    for (int i = 0; i < 5; ++i) ::raise(SIGINT);
    REQUIRE(service.wait_stop(seconds(5)));
    CHECK(service.finish() == 130);
  }
  SUBCASE("one that comes when the work is done changes nothing") {
    service.ready("up");
    CHECK(service.finish() == 0);
    CHECK(::raise(SIGTERM) == 0);  // else this program ends here
    CHECK(::raise(SIGINT) == 0);
    CHECK(service.finish() == 0);
  }
  SUBCASE("a failure outranks the signal") {
    service.ready("up");
    ::kill(::getpid(), SIGTERM);
    REQUIRE(service.wait_stop(seconds(5)));
    CHECK(service.finish(Exit::kInputDamaged) == 12);
  }
  SUBCASE("SIGHUP reloads and refuses bad settings") {
    std::atomic<int> reloads{0};
    service.on_reload([&] {
      if (++reloads == 2) throw Error(Exit::kConfig, "config.invalid", "bad");
    });
    std::atomic<int> events{0};
    service.events().subscribe(
        [&](const Line& line) { events += Json::parse(*line)["ok"] == (events == 0); });
    for (int i = 1; i <= 2; ++i) {
      ::kill(::getpid(), SIGHUP);
      for (int n = 0; n < 500 && events < i; ++n)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CHECK(reloads == 2);
    CHECK(events == 2);
    CHECK(!service.stopping());
    CHECK(service.finish() == 0);
  }
}

TEST_CASE("service: what the work throws is in the exit event and travels on") {
  const RuntimeDir dir;
  {
    Service service({"test", "demo", dir.path + "/events"});
    CHECK_THROWS_AS(
        service.run([]() -> Exit { throw Error(Exit::kPartial, "test.partial", "half of it"); }),
        Error);
  }
  const auto events = events_in(dir.path + "/events");
  REQUIRE(!events.empty());
  CHECK(events.back()["event"] == "exit");
  CHECK(events.back()["code"] == 13);
  CHECK(events.back()["error"] == "test.partial");
  CHECK(events.back()["reason"] == "half of it");
}

TEST_CASE("service: on the caller's io_context, with several streams") {
  const RuntimeDir dir;
  boost::asio::io_context io;
  Service service({"test", "", ""}, io);
  service.attach("one");
  service.attach("two");
  service.on_stop([&] { io.stop(); });
  service.verb("stream.drop", [&](const Json& params, const std::string& name) {
    return Json{{"name", name}, {"given", params.value("x", 0)}};
  });
  Json answer;
  std::thread asker([&] {
    answer = Client(os::control_socket_path("two", "test")).call("stream.drop", {{"x", 7}});
    Client(os::control_socket_path("one", "test")).call("stop");
  });
  io.run();
  CHECK(service.finish() == 0);
  asker.join();
  CHECK(answer == Json{{"name", "two"}, {"given", 7}});
  CHECK(!std::filesystem::exists(dir.path + "/one"));
}

TEST_CASE("service: a request that was read when the work ended touches nothing of it") {
  const RuntimeDir dir;
  boost::asio::io_context io;
  Service service({"test", "demo", ""}, io);
  auto extra = std::make_unique<std::string>("of the work");
  int touched = 0;
  std::unique_ptr<Client> first, second;
  service.run([&] {
    service.status([&](const std::string&) {
      touched += extra == nullptr;
      return Json{{"extra", extra ? *extra : ""}};
    });
    service.verb("end", [&](const Json&, const std::string&) {
      io.stop();
      return Json{};
    });
    // Both are known to the loop, and both ask before it goes on: it sees them in one look.
    std::atomic<bool> asked{false};
    std::thread asker([&] {
      for (auto* client : {&first, &second}) {
        *client = std::make_unique<Client>(os::control_socket_path("demo", "test"));
        CHECK((*client)->call("status")["extra"] == "of the work");
      }
      asked = true;
    });
    while (!asked) io.run_for(std::chrono::milliseconds(1));
    asker.join();
    const auto ask = [](const Client& client, const std::string& method) {
      const std::string line = Json{{"id", 7}, {"method", method}}.dump() + "\n";
      REQUIRE(::write(client.fd(), line.data(), line.size()) == static_cast<ssize_t>(line.size()));
    };
    ask(*first, "end");
    ask(*second, "status");
    io.restart();
    io.run();
    extra.reset();
    return Exit::kOk;
  });
  CHECK(touched == 0);
}

TEST_CASE("service: the service manager is told") {
  const RuntimeDir dir;
  const std::string path = dir.path + "/notify";
  const os::Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  ::setenv("WATCHDOG_USEC", "100000", 1);
  const auto next = [&](int timeout_ms) {
    pollfd poll_fd{fd.get(), POLLIN, 0};
    char buffer[1000];
    if (::poll(&poll_fd, 1, timeout_ms) <= 0) return std::string();
    const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, 0);
    return std::string(buffer, static_cast<size_t>(n));
  };
  {
    Service service({"test", "", ""});
    service.ready("up");
    CHECK(next(2000) == "STATUS=up");
    CHECK(next(2000) == "READY=1");
    CHECK(next(300) == "");  // the media clock stands still
    service.alive();
    CHECK(next(2000) == "WATCHDOG=1");
    service.finish();
    CHECK(next(2000) == "STOPPING=1");
  }
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("WATCHDOG_USEC");
}
