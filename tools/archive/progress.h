// How far a long verb has come: what cli::Progress shows, and the event "transfer.progress" every
// 5 s while something is to do. Thread-safe.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "cli/progress.h"
#include "cli/run.h"
#include "control/service.h"

namespace stream::archive {

class Progress {
 public:
  // `what`: "uploading".
  Progress(const cli::Context& context, control::Service& service, std::string what);
  ~Progress();
  void add_total(int64_t bytes) { total_ += bytes; }
  void add_done(int64_t bytes) { done_ += bytes; }

 private:
  void run();

  control::Service& service_;
  const std::string what_;
  cli::Progress shown_;  // touched by the thread alone
  std::atomic<int64_t> total_{0}, done_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread thread_;
};

}  // namespace stream::archive
