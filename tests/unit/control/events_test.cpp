#include "control/events.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <set>

#include "base/error.h"
#include "control/event_list.h"
#include "os/fd.h"

using namespace stream;
using namespace stream::control;

namespace {

// As run_tool does: a write to a closed pipe is an error, not the end.
const auto g_ignored = ::signal(SIGPIPE, SIG_IGN);

std::string read_some(int fd) {
  char buffer[65536];
  const ssize_t n = ::read(fd, buffer, sizeof buffer);
  return n > 0 ? std::string(buffer, static_cast<size_t>(n)) : std::string();
}

}  // namespace

TEST_CASE("events: the envelope") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const os::Fd reader(ends[0]);
  {
    os::Fd writer(ends[1]);
    Events events("stream-test", std::to_string(writer.get()));
    writer.reset();  // the events have their own copy
    events.emit("service.ready", "demo", {{"detail", "up \"now\"\n"}});
    events.emit("service.stopping", "", {{"detail", "asked"}});
  }
  const std::string text = read_some(reader.get());
  const size_t end = text.find('\n');
  REQUIRE(end != std::string::npos);
  const Json first = Json::parse(text.substr(0, end));
  CHECK(first["schema"] == "stream.event/1");
  CHECK(first["tool"] == "stream-test");
  CHECK(first["event"] == "service.ready");
  CHECK(first["stream"] == "demo");
  CHECK(first["seq"] == 1);
  CHECK(first["detail"] == "up \"now\"\n");
  CHECK(first["time"].get<std::string>().size() == 24);
  const Json second = Json::parse(text.substr(end + 1));
  CHECK(second["stream"] == nullptr);
  CHECK(second["seq"] == 2);
}

TEST_CASE("events: bytes that are no UTF-8 do not break a line") {
  Events events("stream-test", "");
  std::string line;
  events.subscribe([&](const Line& text) { line = *text; });
  events.emit("service.ready", "", {{"detail", "a\xff\xfe\x1b[31m"}});
  CHECK(Json::parse(line)["detail"].get<std::string>().find('a') == 0);
  CHECK(line.find('\x1b') == std::string::npos);
}

TEST_CASE("events: a reader that never reads does not hold the emitter") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const os::Fd reader(ends[0]), writer(ends[1]);
  std::chrono::steady_clock::time_point emitted;
  {
    Events events("stream-test", std::to_string(writer.get()));
    // An emitter that waited for the reader would never come to the end of this.
    for (int i = 0; i < 20000; ++i) events.emit("service.ready", "demo", {{"detail", "x"}});
    emitted = std::chrono::steady_clock::now();
  }
  // The destructor waits a second at most; the rest is for a slow machine.
  CHECK(std::chrono::steady_clock::now() - emitted < std::chrono::seconds(20));
}

TEST_CASE("events: lines lost by a slow reader are told when it reads again") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const os::Fd reader(ends[0]);
  os::Fd writer(ends[1]);
  std::string text;
  {
    Events events("stream-test", std::to_string(writer.get()));
    writer.reset();
    for (int i = 0; i < 10000; ++i) events.emit("service.ready", "demo", {{"detail", "x"}});
    events.emit("service.ready", "demo", {{"detail", "last"}});
    ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
    while (text.find("\"last\"") == std::string::npos) text += read_some(reader.get());
  }
  CHECK(text.find("events.dropped") != std::string::npos);
}

TEST_CASE("events: a closed reader ends nothing") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  os::Fd reader(ends[0]);
  const os::Fd writer(ends[1]);
  Events events("stream-test", std::to_string(writer.get()));
  reader.reset();
  for (int i = 0; i < 100; ++i) events.emit("service.ready", "demo", {{"detail", "x"}});
  events.flush();
}

TEST_CASE("events: a target that cannot be") {
  for (const char* target : {"99", "/nonexistent/dir/file", "unix:/nonexistent/socket", "unix:"}) {
    CAPTURE(target);
    CHECK_THROWS_AS(Events("stream-test", target), Error);
  }
}

TEST_CASE("event list: names are noun.verb and unique, and every field has a meaning") {
  std::set<std::string_view> names;
  for (const EventInfo& event : event_list()) {
    CAPTURE(event.name);
    CHECK(names.insert(event.name).second);
    CHECK(!event.meaning.empty());
    CHECK(event.meaning.back() == '.');
    std::set<std::string_view> fields{"schema", "time", "tool", "event", "stream", "seq"};
    for (const EventField& field : event.fields) {
      CAPTURE(field.name);
      CHECK(fields.insert(field.name).second);
      CHECK(!field.meaning.empty());
    }
  }
  CHECK(find_event("exit"));
  CHECK(!find_event("exi"));
}
