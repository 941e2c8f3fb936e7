#include "doctor/machine.h"

#include <doctest/doctest.h>

#include "base/time.h"
#include "doctor/command.h"

using namespace stream;
using namespace stream::doctor;
using namespace std::chrono_literals;

TEST_CASE("limits") {
  CHECK(check_descriptors(1024, 65536).state == State::kOk);
  CHECK(check_descriptors(1024, 2048).state == State::kWarn);
  CHECK(check_descriptors(256, 256).state == State::kFail);
}

TEST_CASE("the clock") {
  Clock clock{true, true, 0.01, *parse_rfc3339("2026-11-20T10:00:00Z")};
  CHECK(check_clock(clock).state == State::kOk);
  clock.error_seconds = 3;
  CHECK(check_clock(clock).state == State::kWarn);
  clock.synchronised = false;
  CHECK(check_clock(clock).state == State::kWarn);
  clock.known = false;
  CHECK(check_clock(clock).state == State::kWarn);
  clock.now = *parse_rfc3339("1970-01-01T00:10:00Z");
  CHECK(check_clock(clock).state == State::kFail);
}

TEST_CASE("speeds") {
  CHECK(judge_disk_speed("/d", 100e6).state == State::kOk);
  CHECK(judge_disk_speed("/d", 10e6).state == State::kWarn);
  CHECK(judge_disk_speed("/d", 1e6).state == State::kFail);
  CHECK(judge_encoder(0.4, 2).state == State::kOk);
  CHECK(judge_encoder(0.4, 2).evidence.find("carry 4 of them") != std::string::npos);
  CHECK(judge_encoder(1, 2).state == State::kWarn);
  CHECK(judge_encoder(3, 2).state == State::kFail);
}

TEST_CASE("libsrt: the package and one flavour") {
  const std::string one =
      "\tlinux-vdso.so.1 (0x00007)\n"
      "\tlibsrt-gnutls.so.1.5 => /lib/x/libsrt-gnutls.so.1.5 (0x00007)\n"
      "\tlibsrtp2.so.1 => /lib/x/libsrtp2.so.1 (0x00007)\n";
  CHECK(srt_libraries(one) == std::vector<std::string>{"/lib/x/libsrt-gnutls.so.1.5"});
  CHECK(srt_libraries("").empty());
  CHECK(srt_libraries("libsrt-gnutls.so.1.5 => not found").empty());
  const auto both =
      srt_libraries(one + "\tlibsrt.so.1.5 => /lib/x/libsrt.so.1.5 (0x00008)\n" + one);
  CHECK(both.size() == 2);
  CHECK(judge_srt(both, "", "", false).state == State::kFail);
  CHECK(judge_srt({}, "", "", false).state == State::kFail);
  CHECK(judge_srt(srt_libraries(one), "", "", false).state == State::kWarn);
  CHECK(judge_srt(srt_libraries(one), "libsrt1.5-gnutls", "1.5.1-1", true).state == State::kFail);
  const Finding good = judge_srt(srt_libraries(one), "libsrt1.5-gnutls", "1.5.1-1+deb12u2", false);
  CHECK(good.state == State::kOk);
  CHECK(good.evidence == "libsrt1.5-gnutls 1.5.1-1+deb12u2 (GnuTLS)");
}

TEST_CASE("what is said, as text and as JSON") {
  const Findings findings{{"a.b", State::kOk, "all\nwell", {}}, {"c.d", State::kFail, "not", "do"}};
  CHECK(any_failed(findings));
  CHECK_FALSE(any_failed({findings[0]}));
  CHECK(to_text(findings) == "ok\ta.b\tall\\x0awell\nfail\tc.d\tnot\tdo\n");
  CHECK(to_json(findings)[0]["remedy"].is_null());
  CHECK(to_json(findings)[1]["state"] == "fail");
}

TEST_CASE("commands are run to their end, or killed") {
  CHECK(run_command({"echo", "a b"}, 20s).output == "a b\n");
  CHECK(run_command({"sh", "-c", "exit 3"}, 20s).code == 3);
  CHECK(run_command({"no-such-program-here"}, 20s).code == 127);
  CHECK(run_command({"sleep", "60"}, 100ms).code == 124);
  CHECK(run_command({"sh", "-c", "kill -9 $$"}, 20s).code == 137);
  CHECK(run_command({"head", "-c", "1000000", "/dev/zero"}, 20s).output.size() < 100'000);
}
