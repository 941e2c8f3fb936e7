#include "hooks/outbox.h"

#include <doctest/doctest.h>

#include <fstream>

#include "base/error.h"
#include "base/time.h"
#include "control/event_list.h"
#include "hooks/hook.h"
#include "unit/temp_dir.h"

using namespace stream;
using namespace stream::hooks;

namespace {

Message numbered(int number) {
  const std::vector<std::string> words{std::to_string(number)};
  return {message_id(words), "{\"event\":\"stream.live\",\"n\":" + std::to_string(number) + "}"};
}

size_t files(const std::string& path) {
  size_t count = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator at(path, error), end; !error && at != end; ++at) ++count;
  return count;
}

}  // namespace

TEST_CASE("outbox") {
  const TempDir dir;
  const std::string box = dir / "box";
  const auto now = wall_now();

  SUBCASE("keeps the order, also for the next process") {
    {
      Outbox outbox(box);
      CHECK_FALSE(outbox.front());
      for (int i = 0; i < 12; ++i) CHECK_FALSE(outbox.put(numbered(i), now));
    }
    Outbox outbox(box);
    CHECK(outbox.size().count == 12);
    CHECK(rfc3339(*outbox.size().oldest) == rfc3339(now));
    for (int i = 0; i < 12; ++i) {
      const auto entry = outbox.front();
      REQUIRE(entry);
      CHECK(entry->message.body == numbered(i).body);
      CHECK(entry->message.id == numbered(i).id);
      outbox.remove(*entry);
    }
    CHECK_FALSE(outbox.front());
    CHECK(files(box) == 0);
  }
  SUBCASE("the same message twice is one, unless the first has gone") {
    Outbox outbox(box);
    outbox.put(numbered(1), now);
    outbox.put(numbered(1), now);
    CHECK(files(box) == 1);
    outbox.remove(*outbox.front());
    outbox.put(numbered(1), now);
    CHECK(files(box) == 1);
  }
  SUBCASE("what another process has taken is passed over") {
    Outbox outbox(box), other(box);
    outbox.put(numbered(1), now);
    outbox.put(numbered(2), now);
    Outbox taker(box);
    taker.remove(*taker.front());
    CHECK(outbox.front()->message.body == numbered(2).body);
    CHECK(outbox.size().count == 1);
  }
  SUBCASE("what is half written or damaged is left aside") {
    {
      Outbox outbox(box);
      for (int i = 0; i < 3; ++i) outbox.put(numbered(i), now);
    }
    std::ofstream(box + "/0000000000000009-" + numbered(9).id + ".json.tmp1-1") << "{";
    std::ofstream(box + "/0000000000000001-" + numbered(0).id + ".json") << "{\"schema\":";
    std::ofstream(box + "/0000000000000002-" + numbered(1).id + ".json") << "{\"schema\":1}";
    Outbox outbox(box);
    outbox.clean();
    CHECK(outbox.front()->message.body == numbered(2).body);
    CHECK(outbox.size().count == 1);
    CHECK(files(box) == 3);  // two aside
  }
  SUBCASE("every prefix of a file is a message or none") {
    { Outbox(box).put(numbered(7), now); }
    const std::string file = std::filesystem::directory_iterator(box)->path();
    std::string whole;
    std::getline(std::ifstream(file), whole);
    for (size_t n = 0; n < whole.size(); n += 3) {
      std::ofstream(file) << whole.substr(0, n);
      CHECK_FALSE(Outbox(box).front());
    }
    std::ofstream(file) << whole;
    CHECK(Outbox(box).front());
  }
  SUBCASE("a directory that can't be written is an error, and nothing is kept") {
    std::ofstream(dir / "file") << "x";
    Outbox outbox(dir / "file/box");
    CHECK_THROWS_AS(outbox.put(numbered(1), now), Error);
    CHECK_FALSE(outbox.front());
  }
}

TEST_CASE("what a hook wants") {
  Hook usual;
  CHECK(wants(usual, "stream.live"));
  CHECK(wants(usual, "recording.ready"));
  CHECK(wants(usual, "destination.refused"));
  CHECK_FALSE(wants(usual, "destination.live"));
  Hook some;
  some.events = {"destination.*", "process.failed"};
  CHECK(wants(some, "destination.live"));
  CHECK(wants(some, "process.failed"));
  CHECK_FALSE(wants(some, "stream.live"));
  some.events = {"hook.*"};
  CHECK_FALSE(wants(some, "hook.failed"));
  CHECK(is_event_pattern("stream.*"));
  CHECK(is_event_pattern("stream.live"));
  for (const char* wrong : {"", "*", ".*", "stream", "stream.liv", "stream.*x", "hook.*",
                            "hook.failed", "exit", "strea.*"})
    CHECK_FALSE_MESSAGE(is_event_pattern(wrong), wrong);
  for (const std::string_view pattern : kUsualEvents) CHECK(is_event_pattern(pattern));
}

TEST_CASE("the event of a message") {
  CHECK(event_name({"", "{\"event\":\"stream.live\"}"}) == "stream.live");
  for (const char* body : {"", "{", "[]", "{}", "{\"event\":3}", "{\"event\":\"$(id)\"}"})
    CHECK_MESSAGE(event_name({"", body}).empty(), body);
}

TEST_CASE("the id of a message is of its words") {
  using Words = std::vector<std::string>;
  CHECK(message_id(Words{"a", "b"}) == message_id(Words{"a", "b"}));
  CHECK(message_id(Words{"a", "b"}) != message_id(Words{"ab", ""}));
  CHECK(message_id(Words{"a", "b"}) != message_id(Words{"b", "a"}));
  CHECK(message_id(Words{}).size() == 36);
}
