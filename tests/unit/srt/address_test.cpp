#include "srt/address.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "srt/engine.h"

using namespace stream;
using namespace std::chrono_literals;
using srt::Address;
using srt::parse_address;

namespace {

std::string refusal(std::string_view text) {
  try {
    parse_address(text);
    return {};
  } catch (const Error& error) {
    return std::string(error.what()) + " " + error.hint();
  }
}

}  // namespace

TEST_CASE("parse_address") {
  SUBCASE("all of it") {
    const Address a = parse_address(
        "srt://[::1]:9000?latency=1.5s&passphrase=%40vault:x&streamid=%23!::r=a,m=publish&"
        "pbkeylen=32&mode=rendezvous");
    CHECK(a.host == "::1");
    CHECK(a.port == 9000);
    CHECK(a.latency == 1500ms);
    CHECK(a.passphrase == "@vault:x");
    CHECK(a.stream_id == "#!::r=a,m=publish");
    CHECK(a.key_length == 32);
    CHECK(a.mode == Address::Mode::kRendezvous);
  }
  SUBCASE("to listen on all addresses") {
    const Address a = parse_address("srt://:9000");
    CHECK(a.host.empty());
    CHECK(a.latency == 120ms);
    CHECK(a.mode == Address::Mode::kCaller);
  }
  SUBCASE("what can't be is told without secrets") {
    CHECK(refusal("srt://host").find("no port") != std::string::npos);
    CHECK(refusal("rtmp://host:1/x").find("srt://HOST:PORT") != std::string::npos);
    CHECK(refusal("srt://host:1?latency=120").find("120") != std::string::npos);
    CHECK(refusal("srt://host:1?latency=31s").find("31s") != std::string::npos);
    CHECK(refusal("srt://host:1?latencey=1s").find("latency") != std::string::npos);
    CHECK(refusal("srt://host:1?mode=listener").find("--listen") != std::string::npos);
    CHECK(refusal("srt://host:1?pbkeylen=17").find("17") != std::string::npos);
    CHECK(refusal("srt://host:1?streamid=%4").find("escape") != std::string::npos);
    CHECK(refusal("srt://host:1/path").find("streamid") != std::string::npos);
    CHECK(refusal("srt://host:1?streamid=" + std::string(513, 'k')).find("kkkk") ==
          std::string::npos);
    CHECK_THROWS_AS(srt::check_passphrase("short"), Error);
    CHECK_THROWS_AS(srt::check_passphrase(std::string(80, 'p')), Error);
    CHECK_NOTHROW(srt::check_passphrase(std::string(79, 'p')));
  }
}

TEST_CASE("settings_of") {
  const Address address = parse_address(
      "srt://[::1]:9000?latency=1s&passphrase=%40vault:x&streamid=me&pbkeylen=32&"
      "mode=rendezvous&adapter=127.0.0.1");
  SUBCASE("as written") {
    const srt::Settings s = srt::settings_of(address);
    CHECK(s.latency == 1s);
    CHECK(s.key_length == 32);
    CHECK(s.rendezvous);
    CHECK(s.local_host == "127.0.0.1");
    CHECK(s.passphrase.reveal() == "@vault:x");
    CHECK(s.stream_id.reveal() == "me");
  }
  SUBCASE("with what the secrets' sources hold") {
    const auto read = [](const std::string& text) {
      return Secret(text == "@vault:x" ? "a long enough one" : text);
    };
    const srt::Settings s = srt::settings_of(address, read);
    CHECK(s.passphrase.reveal() == "a long enough one");
    CHECK(s.stream_id.reveal() == "me");
    CHECK_THROWS_AS(srt::settings_of(address, [](const std::string&) { return Secret("short"); }),
                    Error);
  }
}
