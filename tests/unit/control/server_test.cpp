#include "control/server.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <functional>
#include <thread>

#include "base/error.h"
#include "control/client.h"
#include "os/unix_socket.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::control;

namespace {

std::optional<Json> answer(const std::string& method, const Json& params) {
  if (method == "echo") return params;
  if (method == "fail") throw Error(Exit::kLocked, "test.locked", "it is taken", "wait");
  if (method == "large") return Json(std::string(200'000, 'x'));
  return std::nullopt;
}

// A server on a thread of its own.
struct Running {
  explicit Running(const std::string& path) : server(io, path, events, answer) {
    thread = std::thread([this] { io.run(); });
  }
  ~Running() {
    io.stop();
    thread.join();
  }
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  Events events{"stream-test", ""};
  Server server;
  std::thread thread;
};

std::string ask(const std::string& path, const std::string& bytes) {
  const os::Fd fd = os::connect_unix(path);
  REQUIRE(fd);
  os::write_all(fd.get(), Bytes{reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  ::shutdown(fd.get(), SHUT_WR);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = ::read(fd.get(), buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(n));
  return text;
}

Exit code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& e) {
    return e.code();
  }
  return Exit::kOk;
}

}  // namespace

TEST_CASE("control: requests and answers") {
  const RuntimeDir dir;
  const std::string path = dir.path + "/demo/test.sock";
  Running running(path);
  Client client(path);

  SUBCASE("a result") {
    CHECK(client.call("echo", {{"a", 1}}) == Json{{"a", 1}});
    CHECK(client.call("echo") == Json::object());
  }
  SUBCASE("an answer longer than the socket's buffer") {
    CHECK(client.call("large").get<std::string>().size() == 200'000);
  }
  SUBCASE("an Error arrives as that Error") {
    try {
      client.call("fail");
      FAIL("no error");
    } catch (const Error& e) {
      CHECK(e.code() == Exit::kLocked);
      CHECK(e.id() == "test.locked");
      CHECK(std::string(e.what()) == "it is taken");
      CHECK(e.hint() == "wait");
    }
  }
  SUBCASE("no such method") {
    CHECK_THROWS_WITH_AS(client.call("nothing"), "no method 'nothing'", Error);
  }
  SUBCASE("several requests on one connection") {
    for (int i = 0; i < 100; ++i) CHECK(client.call("echo", {{"i", i}})["i"] == i);
  }
}

TEST_CASE("control: what is no request is answered, not obeyed") {
  const RuntimeDir dir;
  const std::string path = dir.path + "/demo/test.sock";
  Running running(path);
  const auto code = [&](const std::string& text) {
    return Json::parse(ask(path, text))["error"]["code"].get<int>();
  };
  CHECK(code("not json\n") == -32700);
  CHECK(code("[1,2]\n") == -32600);
  CHECK(code("{\"id\":1}\n") == -32600);
  CHECK(code("{\"id\":1,\"method\":\"echo\",\"params\":[1]}\n") == -32602);
  CHECK(code(std::string(70'000, 'x') + "\n") == -32600);
  CHECK(code(std::string(20'000, '[') + "\n") == -32700);
  CHECK(ask(path, "{\"method\":\"echo\"}\n").empty());  // a notification
  CHECK(ask(path, "{\"method\":\"ec").empty());         // cut off
}

TEST_CASE("control: subscribers get events, also when they have closed their side") {
  const RuntimeDir dir;
  const std::string path = dir.path + "/demo/test.sock";
  Running running(path);
  SUBCASE("open") {
    Client client(path);
    client.call("subscribe");
    running.events.emit("service.ready", "demo", {{"detail", "up"}});
    const auto line = client.next_line(std::chrono::seconds(5));
    REQUIRE(line);
    CHECK(Json::parse(*line)["event"] == "service.ready");
  }
  SUBCASE("half closed") {
    const os::Fd fd = os::connect_unix(path);
    const std::string request = "{\"id\":1,\"method\":\"subscribe\"}\n";
    os::write_all(fd.get(),
                  Bytes{reinterpret_cast<const uint8_t*>(request.data()), request.size()});
    ::shutdown(fd.get(), SHUT_WR);
    std::string text;
    char buffer[4096];
    while (text.find('\n') == std::string::npos) {
      const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
      REQUIRE(n > 0);
      text.append(buffer, static_cast<size_t>(n));
    }
    running.events.emit("service.ready", "demo", {{"detail", "up"}});
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    REQUIRE(n > 0);
    CHECK(std::string(buffer, static_cast<size_t>(n)).find("service.ready") != std::string::npos);
  }
}

TEST_CASE("control: a subscriber that does not read is dropped and holds nobody") {
  const RuntimeDir dir;
  const std::string path = dir.path + "/demo/test.sock";
  Running running(path);
  Client lazy(path), busy(path);
  lazy.call("subscribe");
  for (int i = 0; i < 40'000; ++i)
    running.events.emit("service.ready", "demo", {{"detail", std::string(50, 'x')}});
  CHECK(busy.call("echo", {{"a", 1}})["a"] == 1);
  // What it had not read is gone: the connection ends before the last event.
  int lines = 0;
  while (lazy.next_line(std::chrono::seconds(10))) ++lines;
  CHECK(lines < 40'000);
}

TEST_CASE("control: the socket") {
  const RuntimeDir dir;
  const std::string path = dir.path + "/demo/test.sock";
  SUBCASE("is the user's alone") {
    Running running(path);
    struct stat st {};
    REQUIRE(::stat(path.c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
    REQUIRE(::stat((dir.path + "/demo").c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0700);
  }
  SUBCASE("goes with the server, and the directory with the last socket") {
    { Running running(path); }
    CHECK(::access((dir.path + "/demo").c_str(), F_OK) != 0);
  }
  SUBCASE("of a live server is not taken") {
    Running running(path);
    CHECK(code_of([&] { Running second(path); }) == Exit::kLocked);
    Client client(path);
    CHECK(client.call("echo") == Json::object());
  }
  SUBCASE("of a dead server is replaced") {
    {
      Running running(path);
      std::filesystem::rename(path, path + ".kept");
    }
    std::filesystem::rename(path + ".kept", path);
    CHECK(code_of([&] { Client client(path); }) == Exit::kNotRunning);
    Running running(path);
    CHECK(Client(path).call("echo") == Json::object());
  }
  SUBCASE("with too long a path") {
    CHECK(code_of([&] { Running running(dir.path + "/" + std::string(120, 'x') + "/a.sock"); }) ==
          Exit::kConfig);
  }
}

TEST_CASE("control: a peer that never answers ends in a timeout") {
  const RuntimeDir dir;
  const std::string path = dir.path + "/demo/test.sock";
  Running running(path);
  Client client(path, std::chrono::milliseconds(100));
  client.call("subscribe");
  CHECK(code_of([&] { client.next_line(std::chrono::milliseconds(50)); }) == Exit::kTimeout);
}
