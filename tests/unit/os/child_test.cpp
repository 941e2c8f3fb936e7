#include "os/child.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <fstream>
#include <thread>

#include "unit/temp_dir.h"

using namespace stream::os;

namespace {

Ended wait_for(const Child& child) {
  pollfd handle{child.fd(), POLLIN, 0};
  ::poll(&handle, 1, 5000);
  return child.ended().value_or(Ended{false, -1});
}

// The lock is taken a moment after the fork.
std::optional<Child> holder_soon(const std::string& lock) {
  for (int i = 0; i < 500; ++i) {
    auto child = Child::holder(lock);
    const auto words = child ? child->argv() : std::vector<std::string>();
    if (!words.empty() && !words[0].ends_with("unit-os")) return child;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("child") {
  const TempDir dir;
  const std::string lock = dir / "x.run";

  SUBCASE("it reads what it is given, and writes its errors where it is told") {
    std::ofstream(dir / "in") << "seven\n";
    const Fd input(::open((dir / "in").c_str(), O_RDONLY | O_CLOEXEC));
    const Fd errors(::open((dir / "err").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const Child child = Child::spawn("/bin/sh", {"sh", "-c", "read x; echo \"$x\" >&2; echo out"},
                                     {}, lock, {input.get(), errors.get()});
    CHECK(wait_for(child).code == 0);
    std::string line;
    std::getline(std::ifstream(dir / "err"), line);
    CHECK(line == "seven");
  }
  SUBCASE("what it started goes with its group") {
    const std::string pid_file = dir / "pid";
    const Child child = Child::spawn(
        "/bin/sh",
        {"sh", "-c",
         "sleep 100 & echo $! > " + pid_file + ".t; mv " + pid_file + ".t " + pid_file + "; wait"},
        {}, lock);
    int pid = 0;
    for (int i = 0; i < 500 && pid == 0; ++i) {
      std::ifstream(pid_file) >> pid;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    REQUIRE(pid > 0);
    child.kill_group();
    CHECK(wait_for(child).code == 128 + SIGKILL);
    // Another's child by now: gone, or a zombie that init will fetch.
    std::string state = "R";
    for (int i = 0; i < 500 && state != "Z" && !state.empty(); ++i) {
      std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
      std::string word;
      state.clear();
      stat >> word >> word >> state;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CHECK((state.empty() || state == "Z"));
  }
  SUBCASE("its end is seen by its handle") {
    const Child child = Child::spawn("/bin/sh", {"sh", "-c", "exit 7"}, {}, lock);
    const Ended ended = wait_for(child);
    CHECK(ended.known);
    CHECK(ended.code == 7);
    CHECK_FALSE(Child::holder(lock));
  }
  SUBCASE("a signal, its arguments, and who holds the lock") {
    const Child child = Child::spawn("/bin/sleep", {"sleep", "100"}, {}, lock);
    const auto found = holder_soon(lock);
    REQUIRE(found);
    CHECK(found->pid() == child.pid());
    CHECK_FALSE(found->ended());
    for (int i = 0; i < 500 && child.argv() != std::vector<std::string>{"sleep", "100"}; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    CHECK(child.argv() == std::vector<std::string>{"sleep", "100"});
    const Child second = Child::spawn("/bin/sleep", {"sleep", "100"}, {}, lock);
    CHECK(wait_for(second).code == 15);
    child.signal(SIGTERM);
    CHECK(wait_for(child).code == 128 + SIGTERM);
    CHECK_FALSE(Child::holder(lock));
    child.signal(SIGKILL);  // of nobody
  }
  SUBCASE("gets the variables, and nothing of ours is open in it") {
    ::setenv("NOTIFY_SOCKET", "ours", 1);
    const std::string out = dir / "out", secret = dir / "secret";
    const Fd open(::open(secret.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    const std::string script =
        "echo $NOTIFY_SOCKET $A >" + out + "; ls -l /proc/self/fd | grep -c secret >>" + out;
    wait_for(Child::spawn("/bin/sh", {"sh", "-c", script}, {"A=1"}, lock));
    ::unsetenv("NOTIFY_SOCKET");
    std::ifstream file(out);
    std::string line, count;
    std::getline(file, line);
    std::getline(file, count);
    CHECK(line == "1");
    CHECK(count == "0");
  }
  SUBCASE("a program that is not there: 127") {
    CHECK(wait_for(Child::spawn("/no/such", {"such"}, {}, lock)).code == 127);
    CHECK(find_program("no-such-program-here").empty());
    CHECK(find_program("sh").ends_with("/sh"));
  }
}
