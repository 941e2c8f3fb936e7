// archive: what a stream that has ended left for its archive is taken there, and its hooks are
// told.
#include "archive.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "control/service.h"
#include "ctl.h"
#include "hooks.h"
#include "hooks/hooks.h"
#include "os/child.h"
#include "os/dirs.h"
#include "os/fd.h"
#include "registry.h"
#include "streams/process.h"

namespace stream::ctl {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr int kLookMs = 200;           // at what it has said
constexpr Nanoseconds kPatience = 3s;  // from SIGTERM to SIGKILL
constexpr size_t kMostLine = 1 << 20;
constexpr int kElsewhere = static_cast<int>(Exit::kLocked);

// What stream-archive does for one stream.
class Leftover {
 public:
  // `waits`: for another process that is at it; else it is left to that.
  Leftover(streams::File file, streams::Process process, bool waits)
      : file_(std::move(file)),
        process_(std::move(process)),
        waits_(waits),
        lock_(os::stream_runtime_dir(file_.name) + "/archive.run"),
        events_(os::stream_runtime_dir(file_.name) + "/archive-" + std::to_string(::getpid()) +
                ".events") {}

  int code() const { return code_; }  // once it is over
  int handle() const { return child_ ? child_->fd() : -1; }
  bool is_over() const { return !child_; }

  void start() {
    child_ = os::Child::holder(lock_);
    ours_ = !child_;
    if (ours_)
      spawn();
    else if (!waits_)
      over(kElsewhere);
  }

  void step(bool stopping) {
    if (!child_) return;
    const auto ended = child_->ended();
    if (ours_) read_events();
    if (!ended) return;
    if (!ours_) return stopping ? over(kElsewhere) : start();
    if (ended->code == kElsewhere && waits_ && !stopping && follow_holder()) return;
    over(given_way_ && ended->code == 0 ? kElsewhere : ended->code);
    ::unlink(events_.c_str());
    if (told_) deliver_waiting(file_, kTellAtEnd);
  }

  void end(int signal) {
    if (child_ && ours_) child_->signal(signal);
  }

  Json to_json() const {
    const char* state = code_ == kElsewhere ? "elsewhere" : code_ == 0 ? "done" : "left";
    return {{"stream", file_.name},
            {"store", file_.find("archive")->value("to")},
            {"state", state},
            {"recordings", recordings_},
            {"reason", manifest::or_null(reason_)}};
  }

 private:
  void spawn() {
    const std::string program = os::find_program("stream-archive");
    if (program.empty())
      throw Error(Exit::kUnsupported, "program.absent", "stream-archive is not installed",
                  "install it beside stream-ctl");
    ::unlink(events_.c_str());
    read_ = 0;
    std::vector<std::string> argv = process_.argv;
    argv.insert(argv.end(), {"--quiet", "--events", events_});
    child_ = os::Child::spawn(program, argv, {}, lock_);
  }

  // Another was faster than ours.
  bool follow_holder() {
    child_ = os::Child::holder(lock_);
    ours_ = !child_;
    return child_.has_value();
  }

  void over(int code) {
    child_.reset();
    code_ = code;
  }

  void read_events() {
    const os::Fd file(::open(events_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return;
    char chunk[16384];
    for (ssize_t n; (n = ::pread(file.get(), chunk, sizeof chunk, read_)) > 0; read_ += n) {
      line_.append(chunk, static_cast<size_t>(n));
      for (size_t end; (end = line_.find('\n')) != line_.npos; line_.erase(0, end + 1))
        take(Json::parse(line_.substr(0, end), nullptr, false));
      if (line_.size() > kMostLine) line_.clear();
    }
  }

  void take(const Json& event) {
    if (!event.is_object() || !event.value("event", Json()).is_string()) return;
    const std::string name = event.value("event", "");
    if (name == "service.stopping") given_way_ = true;  // to stream-ctl up, which does it now
    if (name == "recording.archived")
      recordings_.push_back({{"recording", event.value("recording", "")},
                             {"bytes", event.value("bytes", uint64_t{0})}});
    if (name == "file.failed" || name == "mirror.failing") reason_ = event.value("reason", "");
    if (name == "exit" && reason_.empty() && event.value("code", 0) != 0)
      reason_ = event.value("reason", "");
    const std::vector<std::string> words{file_.name, name, event.value("recording", ""),
                                         event.value("time", "")};
    told_ |= keep_for_hooks(file_, event, hooks::message_id(words));
  }

  const streams::File file_;
  const streams::Process process_;
  const bool waits_;
  const std::string lock_, events_;
  std::optional<os::Child> child_;
  bool ours_ = false, told_ = false, given_way_ = false;
  off_t read_ = 0;
  int code_ = 0;
  std::string line_, reason_;
  Json recordings_ = Json::array();
};

// Until all are over; false: it was stopped.
bool run_all(std::vector<Leftover>& list, control::Service& service) {
  std::optional<Nanoseconds> stopped;
  for (;;) {
    std::vector<pollfd> fds;
    if (!stopped) fds.push_back({service.stop_fd(), POLLIN, 0});
    for (Leftover& one : list) {
      one.step(stopped.has_value());
      if (one.handle() >= 0) fds.push_back({one.handle(), POLLIN, 0});
    }
    if (std::all_of(list.begin(), list.end(), [](const Leftover& one) { return one.is_over(); }))
      return !stopped;
    if (!stopped && service.stopping()) {
      stopped = monotonic_now();
      for (Leftover& one : list) one.end(SIGTERM);
    }
    if (stopped && monotonic_now() - *stopped > kPatience) {
      for (Leftover& one : list) one.end(SIGKILL);
      return false;
    }
    ::poll(fds.data(), fds.size(), kLookMs);
  }
}

// Those that stream-ctl up runs take care of it themselves.
std::vector<Leftover> leftovers(const Options& options) {
  std::vector<Leftover> list;
  const auto streams =
      options.all ? known_streams() : std::vector<manifest::Stream>{known_stream(options.name)};
  for (const manifest::Stream& stream : streams) {
    try {
      streams::File file = streams::file_of(stream);
      auto process = streams::archive_once(file);
      if (!process && !options.all)
        throw Error(Exit::kUsage, "archive.absent", "'" + stream.name + "' has no archive",
                    "add the section archive, see stream.yaml(5)");
      if (process && !supervised(stream.name))
        list.emplace_back(std::move(file), *process, !options.all);
    } catch (const Error& e) {  // what is wrong with one stream keeps no other from it
      if (!options.all) throw;
      log::error("'" + stream.name + "': " + e.what());
    }
  }
  return list;
}

std::string line_of(const Json& one) {
  const size_t count = one["recordings"].size();
  std::string line = one["stream"].get<std::string>() + ": ";
  if (one["state"] == "elsewhere") return line + "another process is at it";
  if (count > 0)
    line += std::to_string(count) + (count == 1 ? " recording" : " recordings") + " put; ";
  return line + (one["state"] == "done" ? "all is in " : "not all is in ") +
         escaped(one["store"].get<std::string>()) +
         (one["reason"].is_string() ? ": " + escaped(one["reason"].get<std::string>()) : "");
}

}  // namespace

int archive(const Options& options, const cli::Context& context) {
  std::vector<Leftover> list = leftovers(options);
  control::Service service({"ctl", "", options.events});
  return service.run([&]() -> Exit {
    service.ready("archiving");
    for (Leftover& one : list) one.start();
    if (!run_all(list, service)) return Exit::kOk;
    Json results = Json::array();
    size_t left = 0;
    for (const Leftover& one : list) {
      results.push_back(one.to_json());
      left += one.code() != 0 && one.code() != kElsewhere;
    }
    if (context.json())
      context.print_json({{"schema", "stream.ctl.archive/1"}, {"streams", results}});
    else if (!options.all && list.empty())
      context.confirm(options.name + " runs: stream-ctl up takes what is complete to its archive");
    for (const Json& one : results)
      if (!context.json() && (!options.all || one["state"] == "left" || !one["recordings"].empty()))
        context.print(line_of(one) + "\n");
    if (left == 0) return Exit::kOk;
    return left == list.size() && left == 1 ? static_cast<Exit>(list[0].code()) : Exit::kPartial;
  });
}

void leave_archive(const std::string& name) noexcept {
  try {
    const auto stream = find_stream(name);
    if (!stream || !streams::file_of(*stream).find("archive")) return;
    const os::Fd errors = open_log(name);
    os::Child::spawn("/proc/self/exe", {"stream-ctl", "archive", name}, {},
                     os::stream_runtime_dir(name) + "/archive-left.run", {-1, errors.get()});
  } catch (const Error& e) {
    log::error("what '" + name + "' has left is not in its archive: " + e.what() +
               "; stream-ctl archive " + name + " takes it there");
  }
}

}  // namespace stream::ctl
