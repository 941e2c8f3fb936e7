#include "doctor/reach.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace stream;

TEST_CASE("/proc/net/tcp and tcp6, whole and cut off") {
  const std::string head = "  sl  local_address rem_address   st tx_queue ...\n";
  const std::string text = head +
                           "   0: 0100007F:078F 00000000:0000 0A 00000000:00000000 00:00000000\n"
                           "   1: 00000000:078F 00000000:0000 0A 00000000:00000000 00:00000000\n"
                           "   2: 0100007F:078F 0100007F:C001 01 00000000:00000000 00:00000000\n"
                           "   3: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000\n";
  const auto found = doctor::parse_listening(text, 1935, false);
  REQUIRE(found.size() == 2);
  CHECK(found[0].to_string() == "127.0.0.1");
  CHECK(found[1].is_unspecified());
  CHECK(doctor::parse_listening(text, 1935, true).empty());
  const std::string six =
      head +
      "   0: 00000000000000000000000001000000:078F 00000000000000000000000000000000:0000 07\n";
  const auto udp = doctor::parse_listening(six, 1935, true);
  REQUIRE(udp.size() == 1);
  CHECK(udp[0].to_string() == "::1");
  for (size_t n = 0; n < text.size(); ++n)
    CHECK(doctor::parse_listening(text.substr(0, n), 1935, false).size() <= 2);
  CHECK(doctor::parse_listening(head + "0: zz00007F:078F 0:0 0A\n 1: 01:078F 0:0 0A\n:\n", 1935,
                                false)
            .empty());
}

TEST_CASE("how a public port is written") {
  CHECK(doctor::parse_public("1935").port == 1935);
  CHECK(doctor::parse_public("live.example.org:443").host == "live.example.org");
  CHECK(doctor::parse_public("[2001:db8::1]:9000/udp").host == "2001:db8::1");
  CHECK(doctor::parse_public("9000/udp").udp);
  for (const char* wrong : {"", "x", "0", "70000", "1.2.3.4", "a:1/path", "/udp", "1:2:3"})
    CHECK_THROWS_AS(doctor::parse_public(wrong), Error);
}

TEST_CASE("what is public is not this machine alone") {
  const auto finding = doctor::check_public("/no-such-root", {"127.0.0.1", 1935, false});
  CHECK(finding.state == doctor::State::kFail);
  CHECK(doctor::check_public("/no-such-root", {"192.0.2.1", 1935, false}).state ==
        doctor::State::kFail);
}
