#include "hooks/sender.h"

#include "base/error.h"
#include "base/log.h"
#include "base/text.h"
#include "base/units.h"
#include "os/dirs.h"
#include "os/file_lock.h"

namespace stream::hooks {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookAgain = 200ms;  // for a lock that another process has

double seconds(Nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

uint32_t random_seed() {
  return std::random_device()();
}

}  // namespace

Sender::Sender(Hook hook, const std::string& stream, const std::string& directory,
               ReadSecret read_secret, Emit emit, SendLimits limits)
    : hook_(std::move(hook)),
      directory_(directory),
      emit_(std::move(emit)),
      limits_(limits),
      outbox_(directory),
      courier_(hook_, {stream, directory + "/run.lock"}, std::move(read_secret)),
      backoff_(limits.first, limits.most, random_seed()) {
  os::make_dirs(directory);
  thread_ = std::thread([this] { loop(); });
}

Sender::~Sender() {
  cancel();
  thread_.join();
}

void Sender::cancel() {
  cancelled_ = true;
  const std::lock_guard lock(mutex_);
  stop_ = true;
  changed_.notify_all();
}

void Sender::put(const std::string& event, const Message& message) {
  try {
    const auto dropped = outbox_.put(message, wall_now());
    if (dropped) drop(*dropped, "", "more than " + std::to_string(Outbox::kMost) + " wait");
  } catch (const Error& e) {
    drop(message.id, event, std::string("it could not be kept: ") + e.what());
  }
  const std::lock_guard lock(mutex_);
  more_ = true;
  changed_.notify_all();
}

void Sender::retry() {
  const std::lock_guard lock(mutex_);
  next_try_ = {};
  more_ = true;
  changed_.notify_all();
}

void Sender::drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
  // What failed just now would fail again; what never was tried is.
  given_up_ = backoff_.failures() > 0;
  changed_.notify_all();
}

bool Sender::drained() {
  const std::lock_guard lock(mutex_);
  return !busy_ && (given_up_ || !more_);
}

Json Sender::status() {
  const Outbox::Size size = outbox_.size();
  const std::lock_guard lock(mutex_);
  const Nanoseconds now = monotonic_now();
  return {{"hook", hook_.name},
          {"kind", hook_.argv.empty() ? "http" : "exec"},
          {"pending", size.count},
          {"oldest_at", size.oldest ? Json(rfc3339(*size.oldest)) : Json(nullptr)},
          {"failures", backoff_.failures()},
          {"reason", reason_.empty() ? Json(nullptr) : Json(reason_)},
          {"retry_seconds",
           size.count && next_try_ > now ? Json(seconds(next_try_ - now)) : Json(nullptr)}};
}

// True when a message is to be tried now.
bool Sender::wait_for_work(std::unique_lock<std::mutex>& lock) {
  if (!more_ || given_up_) {
    changed_.wait(lock, [&] { return stop_ || (more_ && !given_up_); });
    return false;
  }
  const Nanoseconds left = next_try_ - monotonic_now();
  if (left <= 0ns) return true;
  changed_.wait_for(lock, std::min<Nanoseconds>(left, 1s));
  return false;
}

void Sender::loop() {
  std::optional<os::FileLock> only_one;
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (!wait_for_work(lock)) continue;
    more_ = false;
    busy_ = true;
    lock.unlock();
    bool again = true;
    try {
      // Another process may be at it: stream-ctl hooks retry, or one that is ending.
      if (!only_one) only_one.emplace(directory_ + "/lock", "hook '" + hook_.name + "'");
      const auto entry = outbox_.front();
      again = entry.has_value();
      if (entry) attempt(*entry);
    } catch (const Error& e) {
      log::debug(e.what());
      std::this_thread::sleep_for(kLookAgain);
    }
    lock.lock();
    busy_ = false;
    more_ = more_ || again;
  }
}

void Sender::attempt(const Outbox::Entry& entry) {
  const std::string event = event_name(entry.message);
  if (wall_now() - entry.created > limits_.age) {
    outbox_.remove(entry);
    return drop(entry.message.id, event,
                "it could not be delivered for " + to_text(Duration{limits_.age}) +
                    (reason_.empty() ? "" : "; the last time: " + reason_));
  }
  const std::string reason = courier_.deliver(entry.message, cancelled_);
  if (cancelled_ && !reason.empty()) return;
  if (!reason.empty()) return on_failed(entry, reason);
  outbox_.remove(entry);
  int failures = 0;
  {
    const std::lock_guard lock(mutex_);
    failures = backoff_.failures();
    backoff_.reset();
    next_try_ = {};
    reason_.clear();
  }
  if (failures > 0) emit_("hook.recovered", {{"hook", hook_.name}, {"failures", failures}});
}

void Sender::on_failed(const Outbox::Entry& entry, const std::string& reason) {
  Nanoseconds wait{};
  int failures = 0;
  {
    const std::lock_guard lock(mutex_);
    wait = backoff_.next();
    failures = backoff_.failures();
    next_try_ = monotonic_now() + wait;
    reason_ = reason;
    given_up_ = draining_;
  }
  emit_("hook.failed", {{"hook", hook_.name},
                        {"about", event_name(entry.message)},
                        {"id", entry.message.id},
                        {"reason", reason},
                        {"failures", failures},
                        {"retry_seconds", seconds(wait)}});
  if (failures == 1)
    log::warning("hook '" + hook_.name + "': " + escaped(reason) + "; it is tried again for a day");
}

void Sender::drop(const std::string& id, const std::string& event, const std::string& reason) {
  emit_("hook.dropped", {{"hook", hook_.name},
                         {"about", event.empty() ? Json(nullptr) : Json(event)},
                         {"id", id},
                         {"reason", reason}});
  log::error("hook '" + hook_.name + "': an event is lost to it (" + event + " " + id +
             "): " + escaped(reason));
}

}  // namespace stream::hooks
