#include "http/server.h"

#include <doctest/doctest.h>

#include <fstream>

#include "base/error.h"
#include "http/static_files.h"
#include "unit/http/support.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::http;

namespace {

Response hello(const Request& request) {
  return text_response(200, request.method + " " + request.path + " " + request.query);
}

}  // namespace

TEST_CASE("http: requests") {
  Running running(hello);
  SUBCASE("GET") {
    const std::string answer = ask(running.port, one("GET", "/a%20b?q=1"));
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(answer.ends_with("\r\n\r\nGET /a b q=1\n"));
    CHECK(answer.find("Access-Control-Allow-Origin: *\r\n") != std::string::npos);
    CHECK(answer.find("Content-Length: 13\r\n") != std::string::npos);
    CHECK(answer.find("\r\nDate: ") != std::string::npos);
  }
  SUBCASE("HEAD has the same header and no body") {
    const std::string answer = ask(running.port, one("HEAD", "/"));
    CHECK(answer.find("Content-Length: 8\r\n") != std::string::npos);
    CHECK(answer.ends_with("\r\n\r\n"));
  }
  SUBCASE("OPTIONS") {
    const std::string answer = ask(running.port, one("OPTIONS", "/x"));
    CHECK(answer.starts_with("HTTP/1.1 204"));
    CHECK(answer.find("Access-Control-Allow-Methods: GET, HEAD, OPTIONS") != std::string::npos);
  }
  SUBCASE("others are refused") {
    CHECK(ask(running.port, one("DELETE", "/x")).starts_with("HTTP/1.1 405"));
    CHECK(ask(running.port, one("POST", "/x", "Content-Length: 3\r\n") + "abc")
              .starts_with("HTTP/1.1 4"));
    CHECK(ask(running.port, one("GET", "/../x")).starts_with("HTTP/1.1 400"));
    CHECK(ask(running.port, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
    CHECK(ask(running.port, one("GET", "/" + std::string(20000, 'x'))).starts_with("HTTP/1.1 4"));
  }
  SUBCASE("keep-alive and pipelining: answers in order on one connection") {
    const os::Fd fd = dial(running.port);
    say(fd,
        "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n" + one("GET", "/3"));
    const std::string text = read_all(fd);
    const size_t first = text.find("GET /1"), second = text.find("GET /2"),
                 third = text.find("GET /3");
    CHECK(first < second);
    CHECK(second < third);
    CHECK(third != std::string::npos);
  }
  SUBCASE("cut off anywhere, the server lives") {
    const std::string text = one("GET", "/x", "Range: bytes=0-1\r\n");
    for (size_t n = 0; n < text.size(); ++n) say(dial(running.port), text.substr(0, n));
    CHECK(ask(running.port, one("GET", "/")).starts_with("HTTP/1.1 200"));
  }
}

TEST_CASE("http: a handler that throws gives 500") {
  Running running([](const Request&) -> Response { throw std::runtime_error("broken"); });
  const std::string answer = ask(running.port, one("GET", "/"));
  CHECK(answer.starts_with("HTTP/1.1 500"));
  CHECK(answer.find("broken") == std::string::npos);
}

TEST_CASE("http: files, larger than a socket's buffers, whole and in part") {
  const TempDir temp;
  const std::string& dir = temp.path;
  std::string content(5 << 20, 0);
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 + i / 251);
  std::ofstream(dir + "/big.m4s") << content;
  const StaticFiles files(dir);
  Running running([&](const Request& request) { return files.serve(request, request.path); });
  const std::string whole = ask(running.port, one("GET", "/big.m4s"));
  CHECK(whole.substr(whole.find("\r\n\r\n") + 4) == content);
  const std::string part =
      ask(running.port, one("GET", "/big.m4s", "Range: bytes=1000000-4000000\r\n"));
  CHECK(part.starts_with("HTTP/1.1 206"));
  CHECK(part.substr(part.find("\r\n\r\n") + 4) == content.substr(1000000, 3000001));
}

TEST_CASE("http: limits") {
  Limits limits;
  limits.per_address = 2;
  limits.request_time = std::chrono::milliseconds(200);
  limits.idle_time = std::chrono::milliseconds(200);
  limits.stall_time = std::chrono::milliseconds(300);
  SUBCASE("connections of one address") {
    Running running(hello, limits);
    const os::Fd a = dial(running.port), b = dial(running.port);
    say(a, "GET /");
    say(b, "GET /");
    while (running.connections() < 2) std::this_thread::yield();
    CHECK(read_all(dial(running.port)).empty());  // the third
    // The two were too slow, and their places are free again.
    CHECK(read_all(a).empty());
    CHECK(read_all(b).empty());
    while (running.connections() > 0) std::this_thread::yield();
    CHECK(ask(running.port, one("GET", "/")).starts_with("HTTP/1.1 200"));
  }
  SUBCASE("a reader that takes nothing") {
    const TempDir temp;
    const std::string& dir = temp.path;
    std::ofstream(dir + "/big.m4s") << std::string(64 << 20, 'x');
    const StaticFiles files(dir);
    Running running([&](const Request& request) { return files.serve(request, request.path); },
                    limits);
    const os::Fd fd = dial(running.port);
    say(fd, one("GET", "/big.m4s"));
    while (running.connections() < 1) std::this_thread::yield();
    while (running.connections() > 0) std::this_thread::yield();
  }
}

TEST_CASE("http: a port in use is refused with its holder") {
  Running running(hello);
  boost::asio::io_context io;
  try {
    Server second(io, "127.0.0.1", running.port, hello);
    FAIL("no error");
  } catch (const Error& e) {
    CHECK(e.code() == Exit::kLocked);
    CHECK(e.id() == "listen.failed");
    CHECK(std::string(e.what()).find("process " + std::to_string(::getpid())) != std::string::npos);
  }
  CHECK_THROWS_AS(Server(io, "192.0.2.1", 0, hello), Error);
}

TEST_CASE("http: close lets a response end and closes what waits") {
  Running running(hello);
  const os::Fd fd = dial(running.port);
  say(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n");
  char buffer[4096];
  REQUIRE(::read(fd.get(), buffer, sizeof buffer) > 0);
  boost::asio::post(running.io, [&] { running.server.close(); });
  CHECK(read_all(fd).empty());
}

namespace {

// Lets bodies of 8 bytes to /box in, for who says a word.
Admit gate(const Request& request) {
  if (request.method == "OPTIONS") return {0, preflight("POST, DELETE", "Authorization")};
  if (request.path != "/box") return {0, method_refused("GET")};
  if (request.header("authorization") != "word") return {0, text_response(401, "no word")};
  return {8, std::nullopt};
}

Response echo(const Request& request) {
  Response response = text_response(201, request.method + " [" + request.body + "]");
  response.headers.emplace_back("Link", "<a>");
  response.headers.emplace_back("Link", "<b>");
  response.headers.emplace_back("Access-Control-Expose-Headers", "Link");
  return response;
}

std::string posted(const std::string& body, const std::string& headers = "",
                   const std::string& method = "POST") {
  return one(method, "/box",
             "Authorization: word\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
                 headers) +
         body;
}

}  // namespace

TEST_CASE("http: bodies come in where the gatekeeper lets them") {
  Running running(echo, {}, gate);
  SUBCASE("POST, PATCH, DELETE") {
    const std::string answer = ask(running.port, posted("12345678"));
    CHECK(answer.starts_with("HTTP/1.1 201 Created\r\n"));
    CHECK(answer.ends_with("POST [12345678]\n"));
    CHECK(answer.find("Link: <a>\r\nLink: <b>\r\n") != std::string::npos);
    CHECK(answer.find("Access-Control-Expose-Headers: Link\r\n") != std::string::npos);
    CHECK(ask(running.port, posted("x", "", "PATCH")).ends_with("PATCH [x]\n"));
    CHECK(ask(running.port, one("DELETE", "/box", "Authorization: word\r\n"))
              .ends_with("DELETE []\n"));
  }
  SUBCASE("in chunks") {
    const std::string head =
        one("POST", "/box", "Authorization: word\r\nTransfer-Encoding: chunked\r\n");
    CHECK(ask(running.port, head + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").ends_with("[abcde]\n"));
    CHECK(ask(running.port, head + "9\r\nabcdefghi\r\n0\r\n\r\n").starts_with("HTTP/1.1 413"));
    CHECK(ask(running.port, head + "xyz\r\n").starts_with("HTTP/1.1 400"));
  }
  SUBCASE("no larger than allowed, and the answer arrives") {
    CHECK(ask(running.port, posted("123456789")).starts_with("HTTP/1.1 413"));
    CHECK(ask(running.port, posted(std::string(600'000, 'x'))).starts_with("HTTP/1.1 413"));
    CHECK(ask(running.port,
              one("POST", "/box", "Authorization: word\r\nContent-Length: 99999999999999999\r\n"))
              .starts_with("HTTP/1.1 413"));
  }
  SUBCASE("refused by the header alone: the body need not come") {
    CHECK(ask(running.port, one("POST", "/box", "Content-Length: 8\r\n"))
              .starts_with("HTTP/1.1 401"));
    CHECK(ask(running.port, one("POST", "/other", "Content-Length: 8\r\n"))
              .starts_with("HTTP/1.1 405"));
    CHECK(ask(running.port, one("OPTIONS", "/box"))
              .find("Access-Control-Allow-Methods: POST, DELETE\r\n") != std::string::npos);
    CHECK(ask(running.port, one("GET", "/box", "Content-Length: 1\r\n") + "x")
              .starts_with("HTTP/1.1 400"));
  }
  SUBCASE("who waits to be asked for it is asked") {
    const os::Fd fd = dial(running.port);
    say(fd, posted("", "Expect: 100-continue\r\n"));
    CHECK(read_all(fd).find("POST []") != std::string::npos);  // nothing to ask for
    const os::Fd other = dial(running.port);
    say(other, one("POST", "/box",
                   "Authorization: word\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"));
    char buffer[64] = {};
    REQUIRE(::read(other.get(), buffer, sizeof buffer) > 0);
    CHECK(std::string(buffer) == "HTTP/1.1 100 Continue\r\n\r\n");
    say(other, "hi");
    CHECK(read_all(other).ends_with("POST [hi]\n"));
  }
  SUBCASE("the connection goes on behind a body") {
    const os::Fd fd = dial(running.port);
    say(fd, "POST /box HTTP/1.1\r\nHost: x\r\nAuthorization: word\r\nContent-Length: 2\r\n\r\nhi" +
                posted("you"));
    const std::string text = read_all(fd);
    CHECK(text.find("POST [hi]\n") < text.find("POST [you]\n"));
    CHECK(text.ends_with("POST [you]\n"));
  }
  SUBCASE("cut off anywhere, the server lives") {
    const std::string text = posted("12345678");
    for (size_t n = 0; n < text.size(); ++n) say(dial(running.port), text.substr(0, n));
    CHECK(ask(running.port, posted("1")).starts_with("HTTP/1.1 201"));
  }
}

TEST_CASE("http: a body that does not come ends the connection") {
  Limits limits;
  limits.request_time = std::chrono::milliseconds(200);
  Running running(echo, limits, gate);
  const std::string text = posted("12345678");
  const os::Fd fd = dial(running.port);
  say(fd, text.substr(0, text.size() - 1));
  CHECK(read_all(fd).empty());
}

TEST_CASE("http: an answer that comes later") {
  Limits limits;
  limits.answer_time = std::chrono::milliseconds(300);
  std::shared_ptr<Reply> kept;
  std::promise<void> asked;
  const auto handler = [&](const Request& request) {
    auto reply = std::make_shared<Reply>();
    if (request.path == "/now") reply->send(text_response(200, "now"));
    if (request.path == "/later") {
      kept = reply;
      asked.set_value();
    }
    return later(reply);
  };
  auto running = std::make_unique<Running>(handler, limits);
  SUBCASE("at once, or never") {
    CHECK(ask(running->port, one("GET", "/now")).ends_with("now\n"));
    CHECK(ask(running->port, one("GET", "/never")).starts_with("HTTP/1.1 500"));
  }
  SUBCASE("in a while") {
    const os::Fd fd = dial(running->port);
    say(fd, one("GET", "/later"));
    asked.get_future().wait();
    boost::asio::post(running->io, [&] {
      kept->send(text_response(200, "here"));
      kept->send(text_response(200, "again"));
    });
    const std::string answer = read_all(fd);
    CHECK(answer.ends_with("\r\n\r\nhere\n"));
    CHECK(kept->sent());
  }
  SUBCASE("too late") {
    CHECK(ask(running->port, one("GET", "/later")).starts_with("HTTP/1.1 503"));
    std::promise<void> sent;
    boost::asio::post(running->io, [&] {
      kept->send(text_response(200, "here"));
      sent.set_value();
    });
    sent.get_future().wait();
  }
  SUBCASE("after the server") {
    const os::Fd fd = dial(running->port);
    say(fd, one("GET", "/later"));
    asked.get_future().wait();
    running.reset();
    kept->send(text_response(200, "here"));
    CHECK(read_all(fd).empty());
  }
  SUBCASE("while the server closes") {
    const os::Fd fd = dial(running->port);
    say(fd, one("GET", "/later"));
    asked.get_future().wait();
    boost::asio::post(running->io, [&] {
      running->server.close();
      kept->send(text_response(200, "here"));
    });
    CHECK(read_all(fd).ends_with("here\n"));
  }
}
