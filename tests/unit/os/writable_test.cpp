#include "os/writable.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "unit/temp_dir.h"

using namespace stream;

TEST_CASE("a place that could be written") {
  const TempDir dir;
  SUBCASE("is there") {
    os::check_writable(dir.path, "");
  }
  SUBCASE("could be made, and is not") {
    os::check_writable(dir.path + "/a/b", "");
    CHECK_FALSE(std::filesystem::exists(dir.path + "/a"));
  }
  SUBCASE("not below a file") {
    std::ofstream(dir.path + "/file") << "x";
    CHECK_THROWS_WITH_AS(os::check_writable(dir.path + "/file/a", "elsewhere"),
                         doctest::Contains("/file/a"), Error);
  }
}
