#include "srt/stream_id.h"

#include <doctest/doctest.h>

using namespace stream;
using srt::parse_stream_id;
using srt::StreamId;
using Mode = StreamId::Mode;

namespace {

// "mode stream key key ..." of an id; "-" when it is refused.
std::string read(std::string_view text) {
  const auto id = parse_stream_id(text);
  if (!id) return "-";
  std::string out = id->mode == Mode::kPublish ? "publish"
                    : id->mode == Mode::kOther ? "other"
                                               : "";
  out += "|" + id->stream;
  for (const Secret& key : id->keys) out += "|" + std::string(key.reveal());
  return out;
}

}  // namespace

TEST_CASE("parse_stream_id") {
  SUBCASE("the standard form") {
    CHECK(read("#!::r=demo,m=publish,u=KEY") == "publish|demo|KEY|demo");
    CHECK(read("#!::m=publish,r=KEY") == "publish||KEY");
    CHECK(read("#!::u=user,s=SECRET,r=demo,m=publish,t=stream,h=host") ==
          "publish|demo|SECRET|user|demo");
    CHECK(read("#!::r=live/demo,u=KEY,m=publish") == "publish|demo|KEY|live/demo|demo");
    CHECK(read("#!::r=demo,m=request") == "other||demo");
    CHECK(read("#!::r=demo,m=bidirectional") == "publish||demo");
    CHECK(read("#!::r=de%6do,m=publish") == "publish||demo");
    CHECK(read("#!::") == "|");
    CHECK(read("#!::r") == "-");
    CHECK(read("#!::=x") == "-");
  }
  SUBCASE("the bare key, a path, a URL") {
    CHECK(read("KEY") == "||KEY");
    CHECK(read("live/KEY") == "||live/KEY|KEY");
    CHECK(read("publish/live/KEY") == "publish||live/KEY|KEY");
    CHECK(read("srt://host:9000/app/KEY?x=1") == "||host:9000/app/KEY|KEY");
    CHECK(read("") == "|");
  }
  SUBCASE("with colons") {
    CHECK(read("publish:demo:KEY") == "publish|demo|KEY|demo");
    CHECK(read("publish:KEY") == "publish||KEY");
    CHECK(read("publish:live/demo:KEY") == "publish|demo|KEY|live/demo|demo");
    CHECK(read("publish:demo:user:PASS") == "publish|demo|user:PASS|PASS|demo");
    CHECK(read("read:demo") == "other|");
  }
  SUBCASE("percent-encoded") {
    CHECK(read("%23%21%3A%3Ar%3Ddemo%2Cm%3Dpublish%2Cu%3DKEY") ==
          "publish|demo|KEY|demo|%23%21%3A%3Ar%3Ddemo%2Cm%3Dpublish%2Cu%3DKEY");
    CHECK(read("100%") == "||100%");  // a key may hold one
    CHECK(read("a%00b") == "||a%00b");
  }
  SUBCASE("what is none") {
    CHECK(read(std::string(513, 'a')) == "-");
    CHECK(read(std::string(512, 'a')) == "||" + std::string(512, 'a'));
    CHECK(read("a\nb") == "-");
    CHECK(read(std::string_view("a\0b", 3)) == "-");
  }
  SUBCASE("every prefix of every form") {
    for (const std::string_view whole :
         {"#!::r=demo,m=publish,u=KEY", "publish:demo:user:PASS", "srt://host:9000/app/KEY?x=1",
          "%23%21%3A%3Ar%3Ddemo%2Cm%3Dpublish"})
      for (size_t n = 0; n <= whole.size(); ++n) {
        const auto id = parse_stream_id(whole.substr(0, n));
        if (id) CHECK(id->keys.size() <= 6);
      }
  }
}
