#include "program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"

namespace stream::archive {

namespace {

using control::Json;

constexpr auto kGrace = std::chrono::seconds(6);  // a stop takes at most five
constexpr size_t kMaxLine = 1 << 20;

std::string lock_of(const std::string& folder, const std::string& name) {
  return folder + "/" + name + ".lock";
}

// With a writing end of our own, so that it never ends between two writers.
os::Fd open_events(const std::string& path) {
  ::unlink(path.c_str());
  if (::mkfifo(path.c_str(), 0600) != 0) throw_errno("create", path, errno);
  os::Fd fd(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd) throw_errno("open", path, errno);
  return fd;
}

// What a program of ours says with --json when it fails, on the last line of its stderr.
[[noreturn]] void rethrow(const ProgramRun& run, const std::string& words, int code) {
  std::string last = words.substr(0, words.find_last_not_of('\n') + 1);
  last = last.substr(last.rfind('\n') + 1);
  const Json said = Json::parse(last, nullptr, false);
  const auto text = [&](const char* name) {
    const Json error = said.is_object() ? said.value("error", Json()) : Json();
    const Json value = error.is_object() ? error.value(name, Json()) : Json();
    return value.is_string() ? value.get<std::string>() : std::string();
  };
  const bool known = code > 0 && code < 128 && code != 127;
  const Exit exit = known ? static_cast<Exit>(code) : Exit::kNo;
  if (!text("id").empty())
    throw Error(exit, text("id"), run.name + ": " + text("message"), text("hint"));
  throw Error(exit, "program.failed", run.name + " ended with code " + std::to_string(code),
              "run it by itself to see why");
}

// Also what hangs is gone within five seconds.
void kill_and_wait(const os::Child& child) {
  child.kill_group();
  struct pollfd wait {
    child.fd(), POLLIN, 0
  };
  ::poll(&wait, 1, 5000);
}

}  // namespace

Program::Program(ProgramRun run, control::Service& service)
    : run_(std::move(run)), service_(service) {
  const std::string program = os::find_program(run_.name);
  if (program.empty()) {
    throw Error(Exit::kUnsupported, "program.absent", run_.name + " is not installed",
                "it belongs to stream-tools: put it beside this program, or on the PATH");
  }
  end_program(run_.folder, run_.name);
  const std::string events_path = run_.folder + "/events", words_path = run_.folder + "/words";
  events_ = open_events(events_path);
  words_ = os::Fd(::open(words_path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!words_) throw_errno("create", words_path, errno);
  std::vector<std::string> argv{run_.name};
  if (!run_.verb.empty()) argv.push_back(run_.verb);
  argv.push_back("--json");
  if (run_.event) argv.insert(argv.end(), {"--events", events_path});
  argv.insert(argv.end(), run_.arguments.begin(), run_.arguments.end());
  child_ = os::Child::spawn(program, argv, {}, lock_of(run_.folder, run_.name),
                            {run_.input, words_.get()});
}

Program::~Program() {
  if (ended_ || !child_) return;
  kill_and_wait(*child_);
  child_->ended();
}

void Program::take_lines() {
  char chunk[16384];
  for (ssize_t n; (n = ::read(events_.get(), chunk, sizeof chunk)) > 0;) {
    line_.append(chunk, static_cast<size_t>(n));
    for (size_t end; (end = line_.find('\n')) != line_.npos; line_.erase(0, end + 1)) {
      const Json event =
          Json::parse(line_.begin(), line_.begin() + static_cast<long>(end), nullptr, false);
      if (event.is_object() && run_.event) run_.event(event);
    }
    if (line_.size() > kMaxLine) line_.clear();
  }
}

bool Program::wait() {
  if (ended_) return false;
  const bool stopping = service_.stopping();
  if (stopping && kill_at_ == Nanoseconds::zero()) {
    child_->signal(SIGTERM);
    kill_at_ = monotonic_now() + kGrace;
  }
  if (stopping && monotonic_now() > kill_at_) child_->kill_group();
  struct pollfd waits[] = {
      {events_.get(), POLLIN, 0}, {child_->fd(), POLLIN, 0}, {service_.stop_fd(), POLLIN, 0}};
  ::poll(waits, stopping ? 2 : 3, stopping ? 200 : -1);
  const auto ended = child_->ended();
  take_lines();
  if (!ended) return true;
  ended_ = true;
  if (service_.stopping()) throw Error(Exit::kInterrupted, "archive.stopped", "stopped");
  if (ended->code != 0) rethrow(run_, os::read_file(run_.folder + "/words", 1 << 20), ended->code);
  return false;
}

void run_program(const ProgramRun& run, control::Service& service) {
  Program program(run, service);
  while (program.wait()) {
  }
}

void end_program(const std::string& folder, const std::string& name) {
  if (const auto left = os::Child::holder(lock_of(folder, name))) kill_and_wait(*left);
}

}  // namespace stream::archive
