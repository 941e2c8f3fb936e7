#include "observe/process.h"

#include <doctest/doctest.h>
#include <unistd.h>

using namespace stream::observe;

TEST_CASE("/proc/PID/stat") {
  const std::string text =
      "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 7 0 1000 1000000 64 "
      "18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0\n";
  const auto figures = parse_stat(text, 100, 4096);
  REQUIRE(figures);
  CHECK(figures->cpu_seconds == doctest::Approx(3.0));
  CHECK(figures->threads == 7);
  CHECK(figures->resident_bytes == 64 * 4096);
  const size_t resident = text.find(" 64 ");
  for (size_t n = 0; n <= resident; ++n) CHECK_FALSE(parse_stat(text.substr(0, n), 100, 4096));
  CHECK_FALSE(parse_stat("42 (x) S a b c d e f g h i j k l m n o p q r s t u v", 100, 4096));
}

TEST_CASE("this process, and one that is not there") {
  const auto own = process_figures(::getpid());
  REQUIRE(own);
  CHECK(own->resident_bytes > 0);
  CHECK(own->open_descriptors > 2);
  CHECK_FALSE(process_figures(0x7ffffff0));
}
