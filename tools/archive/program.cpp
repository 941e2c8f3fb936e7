#include "program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/text.h"
#include "base/time.h"
#include "os/child.h"
#include "os/fd.h"

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

void take_lines(const os::Fd& fd, std::string& text, const std::function<void(const Json&)>& tell) {
  char chunk[16384];
  for (ssize_t n; (n = ::read(fd.get(), chunk, sizeof chunk)) > 0;) {
    text.append(chunk, static_cast<size_t>(n));
    for (size_t end; (end = text.find('\n')) != text.npos; text.erase(0, end + 1)) {
      const Json event =
          Json::parse(text.begin(), text.begin() + static_cast<long>(end), nullptr, false);
      if (event.is_object() && tell) tell(event);
    }
    if (text.size() > kMaxLine) text.clear();
  }
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

}  // namespace

void end_program(const std::string& folder, const std::string& name) {
  const auto left = os::Child::holder(lock_of(folder, name));
  if (!left) return;
  left->kill_group();
  struct pollfd wait {
    left->fd(), POLLIN, 0
  };
  ::poll(&wait, 1, 5000);
}

void run_program(const ProgramRun& run, control::Service& service) {
  const std::string program = os::find_program(run.name);
  if (program.empty()) {
    throw Error(Exit::kUnsupported, "program.absent", run.name + " is not installed",
                "it belongs to stream-tools: put it beside this program, or on the PATH");
  }
  end_program(run.folder, run.name);
  const std::string events_path = run.folder + "/events", words_path = run.folder + "/words";
  const os::Fd events = open_events(events_path);
  const os::Fd words(::open(words_path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!words) throw_errno("create", words_path, errno);
  std::vector<std::string> argv{run.name, "--json"};
  if (run.event) argv.insert(argv.end(), {"--events", events_path});
  argv.insert(argv.end(), run.arguments.begin(), run.arguments.end());
  const os::Child child =
      os::Child::spawn(program, argv, {}, lock_of(run.folder, run.name), {-1, words.get()});
  std::string line;
  std::optional<os::Ended> ended;
  Nanoseconds kill_at{};
  while (!(ended = child.ended())) {
    const bool stopping = service.stopping();
    if (stopping && kill_at == Nanoseconds::zero()) {
      child.signal(SIGTERM);
      kill_at = monotonic_now() + kGrace;
    }
    if (stopping && monotonic_now() > kill_at) child.kill_group();
    struct pollfd waits[] = {
        {events.get(), POLLIN, 0}, {child.fd(), POLLIN, 0}, {service.stop_fd(), POLLIN, 0}};
    ::poll(waits, stopping ? 2 : 3, stopping ? 200 : -1);
    take_lines(events, line, run.event);
  }
  take_lines(events, line, run.event);
  if (service.stopping()) throw Error(Exit::kInterrupted, "archive.stopped", "stopped");
  if (ended->code != 0) rethrow(run, os::read_file(words_path, 1 << 20), ended->code);
}

}  // namespace stream::archive
