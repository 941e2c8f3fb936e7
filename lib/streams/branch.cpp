#include "streams/branch.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "control/client.h"
#include "os/dirs.h"

namespace stream::streams {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds kPatience = 5s;  // from SIGTERM to SIGKILL
constexpr Nanoseconds kAskAgain = 500ms;
constexpr auto kStatusAnswer = std::chrono::milliseconds(300);

os::Fd listen_notify(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw Error(Exit::kUsage, "socket.path", "the path " + path + " is too long for a socket",
                "choose a shorter STREAM_RUNTIME_DIR");
  std::memcpy(address.sun_path, path.data(), path.size());
  ::unlink(path.c_str());
  os::Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw_errno("listen on", path, errno);
  ::chmod(path.c_str(), 0600);
  return fd;
}

// Trying again would come to the same.
bool is_for_good(int code) {
  static constexpr int kCodes[] = {2, 3, 4, 6, 11, 127};
  return std::find(std::begin(kCodes), std::end(kCodes), code) != std::end(kCodes);
}

std::string describe(const os::Ended& ended) {
  if (!ended.known) return "it ended";
  if (ended.code > 128) return "signal " + std::to_string(ended.code - 128);
  return "exit code " + std::to_string(ended.code);
}

}  // namespace

Branch::Branch(const std::string& stream, const std::string& tool, BranchLimits limits, Emit emit)
    : stream_(stream),
      tool_(tool),
      lock_path_(os::stream_runtime_dir(stream) + "/" + tool + ".run"),
      notify_path_(os::stream_runtime_dir(stream) + "/" + tool + ".notify"),
      limits_(limits),
      emit_(std::move(emit)),
      notify_(listen_notify(notify_path_)),
      backoff_(limits.first, limits.most, static_cast<uint32_t>(std::hash<std::string>()(tool))) {
  take_over();
}

void Branch::take_over() {
  child_ = os::Child::holder(lock_path_);
  if (!child_) return;
  argv_ = child_->argv();
  adopted_ = true;
  ready_ = false;
  ++starts_;
  started_ = monotonic_now();
  emit_("process.started",
        {{"program", "stream-" + tool_}, {"pid", child_->pid()}, {"adopted", true}});
}

void Branch::want(std::optional<Process> process) {
  if (process != wanted_) gave_up_ = done_ = false, done_media_.clear(), backoff_.reset();
  wanted_ = std::move(process);
}

void Branch::restart() {
  gave_up_ = done_ = false;
  done_media_.clear();
  backoff_.reset();
  next_try_ = {};
  argv_.clear();  // whatever runs is not what is wanted
}

void Branch::step(Nanoseconds now, const std::string& media, bool may_start) {
  read_notifications();
  if (child_) {
    if (const auto ended = child_->ended()) on_ended(*ended, now, media);
  }
  if (child_) {
    const bool right = wanted_ && argv_ == wanted_->argv;
    if (!right && !ending_) end(now);
    if (ending_ && now - ending_since_ > kPatience) kill();
    if (!ready_ && adopted_) ask_ready(now);
    if (!ready_ && !ending_ && wanted_ && !wanted_->reads_media && now - started_ > limits_.start) {
      log::error("stream-" + tool_ + " is not ready after " + to_text(Duration{limits_.start}));
      kill();
    }
    if (ready_ && now - started_ > limits_.stable) backoff_.reset();
    return;
  }
  if (!wanted_ || gave_up_ || done_ || !may_start || now < next_try_) return;
  if (wanted_->reads_media && media == done_media_) return;
  start(now, media);
}

void Branch::start(Nanoseconds now, const std::string& media) {
  take_over();  // somebody's since we looked
  if (child_) return;
  const std::string program = os::find_program(wanted_->argv[0]);
  if (program.empty()) return failed(wanted_->argv[0] + " is not installed", true, now);
  child_ = os::Child::spawn(program, wanted_->argv, {"NOTIFY_SOCKET=" + notify_path_}, lock_path_);
  argv_ = wanted_->argv;
  adopted_ = ready_ = ending_ = false;
  started_ = now;
  media_ = media;
  line_.clear();
  ++starts_;
  emit_("process.started",
        {{"program", "stream-" + tool_}, {"pid", child_->pid()}, {"adopted", false}});
}

void Branch::read_notifications() {
  char text[2048];
  for (ssize_t n; (n = ::recv(notify_.get(), text, sizeof text, 0)) > 0;) {
    std::string_view rest(text, static_cast<size_t>(n));
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      if (line == "READY=1" && child_ && !ready_) {
        ready_ = true;
        emit_("process.ready", {{"program", "stream-" + tool_}});
      }
      if (line.starts_with("STATUS=")) line_ = line.substr(7);
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
}

// One that was taken over may have said READY to nobody.
void Branch::ask_ready(Nanoseconds now) {
  if (now - asked_ < kAskAgain) return;
  asked_ = now;
  try {
    control::Client client(os::control_socket_path(stream_, tool_), kStatusAnswer);
    const Json status = client.call("status");
    ready_ = status.value("state", "") == "running";
    if (ready_) emit_("process.ready", {{"program", "stream-" + tool_}});
  } catch (const std::exception&) {  // later, or never: then it is not ready
  }
}

void Branch::on_ended(const os::Ended& ended, Nanoseconds now, const std::string& media) {
  const bool asked = ending_, reader = wanted_ && wanted_->reads_media;
  const bool was_right = wanted_ && argv_ == wanted_->argv;
  const std::string why = describe(ended);
  child_.reset();
  ready_ = ending_ = false;
  emit_("process.exited", {{"program", "stream-" + tool_},
                           {"code", ended.known ? Json(ended.code) : Json(nullptr)},
                           {"reason", asked ? "it was asked to" : why}});
  if (asked || !was_right) return;
  reason_ = why;
  // The end of what it reads is no failure of a reader; the next stream is another start.
  const bool over = ended.known && (ended.code == 7 || ended.code == 12);
  if (reader && media != media_ && (!ended.known || ended.code == 0 || over)) return;
  if (ended.known && ended.code == 0) {
    if (wanted_->stores)  // somebody ended it: there may be more to store
      next_try_ = now + kAskAgain;
    else if (reader)
      done_media_ = media_;
    else
      done_ = true;
    return;
  }
  failed(why, ended.known && is_for_good(ended.code), now);
}

void Branch::failed(const std::string& why, bool for_good, Nanoseconds now) {
  reason_ = why;
  ++restarts_;
  const Nanoseconds wait = backoff_.next();
  const int failures = backoff_.failures();
  gave_up_ = for_good || failures >= limits_.failures;
  const double seconds = std::chrono::duration<double>(wait).count();
  emit_("process.failed", {{"program", "stream-" + tool_},
                           {"reason", why},
                           {"failures", failures},
                           {"retry_seconds", gave_up_ ? Json(nullptr) : Json(seconds)}});
  const std::string name = "stream-" + tool_ + " of '" + stream_ + "'";
  if (gave_up_) {
    emit_("process.gave_up",
          {{"program", "stream-" + tool_}, {"reason", why}, {"failures", failures}});
    return log::error(name + " is given up: " + why + "; stream-ctl restart " + stream_ + " " +
                      tool_ + " tries again");
  }
  next_try_ = now + wait;
  log::warning(name + " failed (" + why + "); again in " +
               to_text(Duration{std::chrono::round<std::chrono::milliseconds>(wait)}));
}

void Branch::end(Nanoseconds now) {
  ending_ = true;
  ending_since_ = now;
  child_->signal(SIGTERM);
  child_->signal(SIGCONT);
}

void Branch::kill() {
  if (child_) child_->signal(SIGKILL);
}

const char* Branch::state(Nanoseconds now) const {
  if (child_) return ending_ ? "ending" : ready_ ? "running" : "starting";
  if (gave_up_) return "gave_up";
  if (done_ || (!done_media_.empty() && done_media_ == media_)) return "done";
  return now < next_try_ ? "backoff" : "waiting";
}

Json Branch::status(Nanoseconds now) const {
  const auto seconds = [](Nanoseconds time) { return std::chrono::duration<double>(time).count(); };
  return {{"program", "stream-" + tool_},
          {"state", state(now)},
          {"pid", child_ ? Json(child_->pid()) : Json(nullptr)},
          {"adopted", child_ && adopted_},
          {"running_seconds", child_ ? Json(seconds(now - started_)) : Json(nullptr)},
          {"retry_seconds",
           !child_ && now < next_try_ ? Json(seconds(next_try_ - now)) : Json(nullptr)},
          {"failures", restarts_},
          {"reason", reason_.empty() ? Json(nullptr) : Json(reason_)},
          {"detail", line_.empty() ? Json(nullptr) : Json(line_)}};
}

}  // namespace stream::streams
