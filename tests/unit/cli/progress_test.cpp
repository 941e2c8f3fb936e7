#include "cli/progress.h"

#include <doctest/doctest.h>

using namespace stream;
using namespace stream::cli;

TEST_CASE("progress: amounts as people read them") {
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(1023) == "1023 B");
  CHECK(bytes_text(1024) == "1.0 KiB");
  CHECK(bytes_text((1 << 20) - 1) == "1.0 MiB");
  CHECK(bytes_text(29 << 20) == "29.0 MiB");
  CHECK(bytes_text(UINT64_MAX) == "16.0 EiB");
  CHECK(duration_text(std::chrono::seconds(7)) == "7 s");
  CHECK(duration_text(std::chrono::seconds(61)) == "1:01");
  CHECK(duration_text(std::chrono::seconds(3723)) == "1:02:03");
}

TEST_CASE("progress: nothing where nobody looks") {
  Common common;
  common.progress = "none";
  CHECK_FALSE(Progress(Context("test", common)).wanted());
  common.progress = "plain";
  Progress plain(Context("test", common));
  CHECK(plain.wanted());
  CHECK_FALSE(plain.due());  // the first line comes after a minute
  common.quiet = true;
  CHECK_FALSE(Progress(Context("test", common)).wanted());
}
