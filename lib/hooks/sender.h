// Brings the messages of one hook to it, in order, from a thread of its own: at least once, tried
// again with growing pauses until a message is a day old, then dropped with an event that says so.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/time.h"
#include "hooks/delivery.h"
#include "hooks/outbox.h"
#include "net/backoff.h"

namespace stream::hooks {

using Json = nlohmann::json;
using Emit = std::function<void(const char* event, Json fields)>;

struct SendLimits {
  std::chrono::milliseconds first{1000}, most{300'000};  // bounds of the pauses
  std::chrono::seconds age{24 * 3600};
};

class Sender {
 public:
  // `directory`: of the hook's outbox. `emit` is called on this and on the caller's thread.
  Sender(Hook hook, const std::string& stream, const std::string& directory, ReadSecret read_secret,
         Emit emit, SendLimits limits);
  ~Sender();  // at once: what is not sent stays in the outbox
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  const Hook& hook() const { return hook_; }
  // Durable when it returns; a full disk is told by an event.
  void put(const std::string& event, const Message& message);
  void retry();  // now
  // From here on each message is tried until one fails; true once nothing is left to try.
  void drain();
  bool drained();
  void cancel();
  // {hook, kind, pending, oldest_at, failures, reason, retry_seconds}
  Json status();

 private:
  void loop();
  bool wait_for_work(std::unique_lock<std::mutex>& lock);
  void attempt(const Outbox::Entry& entry);
  void on_failed(const Outbox::Entry& entry, const std::string& reason);
  void drop(const std::string& id, const std::string& event, const std::string& reason);

  const Hook hook_;
  const std::string directory_;
  const Emit emit_;
  const SendLimits limits_;
  Outbox outbox_;
  Courier courier_;

  std::mutex mutex_;
  std::condition_variable changed_;
  net::Backoff backoff_;
  Nanoseconds next_try_{};
  std::string reason_;
  bool stop_ = false, draining_ = false, given_up_ = false, busy_ = false, more_ = true;
  std::atomic<bool> cancelled_{false};
  std::thread thread_;
};

}  // namespace stream::hooks
