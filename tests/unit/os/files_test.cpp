#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/error.h"
#include "os/atomic_file.h"
#include "os/dirs.h"
#include "os/fd.h"
#include "os/file_lock.h"
#include "os/notify.h"
#include "unit/temp_dir.h"

using namespace stream;
namespace fs = std::filesystem;

namespace {

size_t entries(const std::string& dir) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(dir), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("write_file replaces whole files and leaves nothing aside") {
  const TempDir dir;
  const std::string path = dir.path + "/manifest.json";
  os::write_file(path, std::string_view("old"), os::Sync::kNo);
  os::write_file(path, std::string_view("new one"), os::Sync::kYes, 0600);
  CHECK(os::read_file(path) == "new one");
  CHECK(entries(dir.path) == 1);
  struct stat st {};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
  fs::create_directory(dir.path + "/taken");
  CHECK_THROWS_AS(os::write_file(dir.path + "/taken", std::string_view("x"), os::Sync::kNo), Error);
  CHECK(entries(dir.path) == 2);
}

TEST_CASE("read_file is bounded and names what it could not read") {
  const TempDir dir;
  os::write_file(dir.path + "/a", std::string_view("0123456789"), os::Sync::kNo);
  CHECK_THROWS_AS(os::read_file(dir.path + "/a", 9), Error);
  CHECK_THROWS_WITH_AS(os::read_file("/nonexistent/x"),
                       "cannot open /nonexistent/x: No such file or directory", Error);
}

TEST_CASE("a lock is held once and names its holder") {
  const TempDir dir;
  const std::string path = dir.path + "/lock";
  {
    const os::FileLock lock(path, "the directory rec/");
    try {
      const os::FileLock second(path, "the directory rec/");
      FAIL("locked twice");
    } catch (const Error& error) {
      CHECK(error.code() == Exit::kLocked);
      CHECK(std::string(error.what()).find("(process " + std::to_string(getpid()) + ")") !=
            std::string::npos);
    }
  }
  const os::FileLock again(path, "the directory rec/");
}

TEST_CASE("directories come from the environment in the stated order and are private") {
  const TempDir dir;
  ::setenv("RUNTIME_DIRECTORY", "/run/a:/run/b", 1);
  ::unsetenv("STREAM_RUNTIME_DIR");
  CHECK(os::runtime_dir() == "/run/a");
  ::setenv("STREAM_RUNTIME_DIR", (dir.path + "/run").c_str(), 1);
  CHECK(os::media_socket_path("demo") == dir.path + "/run/demo/media.sock");
  CHECK(os::media_socket_path("demo/720p") == dir.path + "/run/demo/rungs/720p.sock");
  CHECK(os::live_rungs("demo").empty());
  CHECK(os::live_rungs("../demo").empty());
  const std::string made = os::stream_runtime_dir("demo");
  struct stat st {};
  REQUIRE(::stat(made.c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0700);
  CHECK(os::live_streams().empty());
  ::unsetenv("RUNTIME_DIRECTORY");
  ::unsetenv("STREAM_RUNTIME_DIR");
}

TEST_CASE("make_dirs names the part that is in the way") {
  const TempDir dir;
  os::write_file(dir.path + "/file", std::string_view("x"), os::Sync::kNo);
  CHECK_THROWS_AS(os::make_dirs(dir.path + "/file/below"), Error);
  CHECK_NOTHROW(os::make_dirs(dir.path + "/a/b/c"));
  CHECK_NOTHROW(os::make_dirs(dir.path + "/a/b/c"));
}

TEST_CASE("passed sockets are ours only when the process id says so") {
  ::setenv("LISTEN_FDS", "1", 1);
  ::setenv("LISTEN_PID", "1", 1);
  CHECK(os::take_passed_sockets().empty());
  CHECK(std::getenv("LISTEN_FDS") == nullptr);
}
