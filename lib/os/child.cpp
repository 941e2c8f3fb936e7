#include "os/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

extern char** environ;

namespace stream::os {
namespace {

constexpr int kHeld = 15;  // Exit::kLocked

Fd open_pid(pid_t pid) {
  return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

// Between fork and exec in a process with threads: system calls only (signal-safety(7)).
[[noreturn]] void become(const char* program, char* const* argv, char* const* environment,
                         const char* lock_path, ChildFiles files) {
  ::setsid();
  // Not close-on-exec, and never closed: the lock lives as long as the process.
  const int lock = ::open(lock_path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  struct flock region = whole_file();
  if (lock < 0 || ::fcntl(lock, F_SETLK, &region) != 0) ::_exit(kHeld);
  const int nothing = ::open("/dev/null", O_RDWR);
  ::dup2(files.input >= 0 ? files.input : nothing, 0);
  ::dup2(nothing, 1);
  if (files.errors >= 0) ::dup2(files.errors, 2);
  if (nothing > 2) ::close(nothing);
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGQUIT, SIGXFSZ})
    ::sigaction(number, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execve(program, argv, environment);
  ::_exit(127);
}

std::string name_of(const std::string& assignment) {
  return assignment.substr(0, assignment.find('=') + 1);
}

// Ours, without what is given anew and without what the service manager meant for us alone.
std::vector<std::string> merged(const std::vector<std::string>& more) {
  std::vector<std::string> drop{"NOTIFY_SOCKET=", "WATCHDOG_USEC=", "WATCHDOG_PID=",
                                "LISTEN_FDS=",    "LISTEN_PID=",    "LISTEN_FDNAMES="};
  for (const std::string& assignment : more) drop.push_back(name_of(assignment));
  std::vector<std::string> all = more;
  for (char** at = environ; *at; ++at) {
    bool keep = true;
    for (const std::string& name : drop)
      keep = keep && std::strncmp(*at, name.c_str(), name.size());
    if (keep) all.emplace_back(*at);
  }
  return all;
}

}  // namespace

Child Child::spawn(const std::string& program, const std::vector<std::string>& argv,
                   const std::vector<std::string>& environment, const std::string& lock_path,
                   ChildFiles files) {
  const std::vector<std::string> variables = merged(environment);
  const auto arguments = pointers(argv), assignments = pointers(variables);
  const pid_t pid = ::fork();
  if (pid < 0) throw_errno("start", program, errno);
  if (pid == 0)
    become(program.c_str(), arguments.data(), assignments.data(), lock_path.c_str(), files);
  // Ours and not waited for yet: the number is still its own.
  Fd handle = open_pid(pid);
  if (!handle) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    throw_errno("watch", program, error);
  }
  return Child(pid, std::move(handle), true);
}

std::optional<Child> Child::holder(const std::string& lock_path) {
  const Fd file(::open(lock_path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return std::nullopt;
  const auto ask = [&]() -> pid_t {
    struct flock region = whole_file();
    if (::fcntl(file.get(), F_GETLK, &region) != 0 || region.l_type == F_UNLCK) return 0;
    return region.l_pid;
  };
  const pid_t pid = ask();
  if (pid <= 0) return std::nullopt;
  Fd handle = open_pid(pid);
  // The same holder before and after: the handle is of that process.
  if (!handle || ask() != pid) return std::nullopt;
  return Child(pid, std::move(handle), false);
}

std::vector<std::string> Child::argv() const {
  std::vector<std::string> words;
  const Fd file(
      ::open(("/proc/" + std::to_string(pid_) + "/cmdline").c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char chunk[4096];
  for (ssize_t n; file && (n = ::read(file.get(), chunk, sizeof chunk)) > 0;)
    text.append(chunk, static_cast<size_t>(n));
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\0', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

void Child::signal(int number) const noexcept {
  ::syscall(SYS_pidfd_send_signal, handle_.get(), number, nullptr, 0);
}

// Only of one whose end was not asked for yet: its number is its own until then.
void Child::kill_group() const noexcept {
  if (ours_) ::kill(-pid_, SIGKILL);
  signal(SIGKILL);
}

std::optional<Ended> Child::ended() const {
  pollfd handle{handle_.get(), POLLIN, 0};
  if (::poll(&handle, 1, 0) <= 0) return std::nullopt;
  if (!ours_) return Ended{};
  siginfo_t info{};
  if (::waitid(static_cast<idtype_t>(3) /* P_PIDFD */, static_cast<id_t>(handle_.get()), &info,
               WEXITED | WNOHANG) != 0)
    return Ended{};
  return Ended{true, info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status};
}

std::string find_program(const std::string& name) {
  char self[4096];
  const ssize_t n = ::readlink("/proc/self/exe", self, sizeof self);
  std::string places = n > 0 ? std::string(self, static_cast<size_t>(n)) : std::string();
  places.resize(places.find_last_of('/') == std::string::npos ? 0 : places.find_last_of('/'));
  const char* path = std::getenv("PATH");
  places += std::string(":") + (path ? path : "/usr/bin:/bin");
  for (size_t at = 0; at <= places.size();) {
    const size_t end = std::min(places.find(':', at), places.size());
    const std::string file = places.substr(at, end - at) + "/" + name;
    if (end > at && ::access(file.c_str(), X_OK) == 0) return file;
    at = end + 1;
  }
  return {};
}

}  // namespace stream::os
