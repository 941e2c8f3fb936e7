#include "progress.h"

#include "base/time.h"

namespace stream::archive {

namespace {

constexpr auto kFrame = std::chrono::milliseconds(200);
constexpr auto kEvent = std::chrono::seconds(5);

}  // namespace

Progress::Progress(const cli::Context& context, control::Service& service, std::string what)
    : service_(service), what_(std::move(what)), shown_(context) {
  thread_ = std::thread([this] { run(); });
}

Progress::~Progress() {
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Progress::run() {
  const Nanoseconds began = monotonic_now();
  Nanoseconds next_event = began + kEvent;
  int64_t told = 0;
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kFrame, [this] { return ended_; })) {
    const int64_t done = done_, total = total_;
    shown_.show(what_, static_cast<uint64_t>(done), static_cast<uint64_t>(total));
    const Nanoseconds now = monotonic_now();
    if (now < next_event || (done == total && done == told)) continue;  // or nothing is to do
    next_event = now + kEvent;
    told = done;
    service_.emit("transfer.progress",
                  {{"what", what_},
                   {"done_bytes", done},
                   {"total_bytes", total},
                   {"elapsed_seconds", std::chrono::duration<double>(now - began).count()}});
  }
}

}  // namespace stream::archive
