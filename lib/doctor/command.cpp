#include "doctor/command.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "os/fd.h"

extern char** environ;  // NOLINT: environ(7)

namespace stream::doctor {
namespace {

using Steady = std::chrono::steady_clock;

constexpr size_t kMaxOutput = 64 << 10;

double seconds(const timeval& t) {
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
}

// False: the time is over. The program's own children may hold the pipe: bounded all the same.
bool read_all(int fd, std::string& output, Steady::time_point deadline) {
  char chunk[4096];
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Steady::now());
    if (left.count() <= 0) return false;
    pollfd ready{fd, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(left.count())) <= 0) continue;
    const ssize_t n = ::read(fd, chunk, sizeof chunk);
    if (n <= 0) return true;
    if (output.size() < kMaxOutput) output.append(chunk, static_cast<size_t>(n));
  }
}

}  // namespace

Ran run_command(const std::vector<std::string>& argv, std::chrono::milliseconds timeout) {
  const auto deadline = Steady::now() + timeout;
  int ends[2];
  Ran ran;
  if (::pipe2(ends, O_CLOEXEC) != 0) return ran;
  os::Fd read_end(ends[0]), write_end(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), 1);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawnp(&pid, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return ran;
  write_end.reset();
  const bool in_time = read_all(read_end.get(), ran.output, deadline);
  if (!in_time) ::kill(pid, SIGKILL);
  int status = 0;
  rusage usage{};
  while (::wait4(pid, &status, 0, &usage) < 0 && errno == EINTR) continue;
  ran.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  ran.code = !in_time              ? 124
             : WIFEXITED(status)   ? WEXITSTATUS(status)
             : WIFSIGNALED(status) ? 128 + WTERMSIG(status)
                                   : 127;
  return ran;
}

}  // namespace stream::doctor
