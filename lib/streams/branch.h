// One program of a stream under supervision: started, watched by its handle, started again with
// backoff, given up, ended. It is found again by its lock after the supervisor was killed. Driven
// by step(); one thread.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "base/time.h"
#include "net/backoff.h"
#include "os/child.h"
#include "streams/process.h"

namespace stream::streams {

struct BranchLimits {
  std::chrono::milliseconds first{500}, most{60'000};  // bounds of the backoff
  int failures = 10;                                   // in a row, then it is given up
  Nanoseconds stable = std::chrono::seconds(60);       // running for so long: no row any more
  Nanoseconds start = std::chrono::seconds(30);        // to become ready, unless it waits for media
};

class Branch {
 public:
  using Emit = std::function<void(const char* event, Json fields)>;
  // Makes its notification socket RUNTIME/STREAM/TOOL.notify; takes over what runs under its lock.
  Branch(const std::string& stream, const std::string& tool, BranchLimits limits, Emit emit);

  // What it is to be; nullopt: nothing. A change of arguments ends what runs first.
  void want(std::optional<Process> process);
  // Try again what was given up or has done its work; ends what runs.
  void restart();
  // `media` identifies the stream that is on the bus now, empty for none; `may_start`: what it
  // depends on is there.
  void step(Nanoseconds now, const std::string& media, bool may_start);
  void kill();

  const std::string& tool() const { return tool_; }
  bool reads_media() const { return wanted_ && wanted_->reads_media; }
  bool stores() const { return wanted_ && wanted_->stores; }
  bool wanted() const { return wanted_.has_value(); }
  bool idle() const { return !child_; }
  bool ready() const { return child_ && ready_; }
  bool done() const { return done_; }  // ended by itself with success
  bool gave_up() const { return gave_up_; }
  const std::string& reason() const { return reason_; }
  // Grows with each start, a takeover too.
  unsigned starts() const { return starts_; }
  int handle() const { return child_ ? child_->fd() : -1; }
  int notifications() const { return notify_.get(); }
  Json status(Nanoseconds now) const;

 private:
  const char* state(Nanoseconds now) const;
  void take_over();
  void start(Nanoseconds now, const std::string& media);
  void read_notifications();
  void ask_ready(Nanoseconds now);
  void on_ended(const os::Ended& ended, Nanoseconds now, const std::string& media);
  void failed(const std::string& why, bool for_good, Nanoseconds now);
  void end(Nanoseconds now);

  const std::string stream_, tool_, lock_path_, notify_path_;
  const BranchLimits limits_;
  const Emit emit_;
  os::Fd notify_;
  std::optional<Process> wanted_;
  std::optional<os::Child> child_;
  std::vector<std::string> argv_;  // what runs
  std::string media_, done_media_, reason_, line_;
  net::Backoff backoff_;
  Nanoseconds started_{}, next_try_{}, asked_{}, ending_since_{};
  bool adopted_ = false, ready_ = false, ending_ = false, done_ = false, gave_up_ = false;
  unsigned starts_ = 0, restarts_ = 0;
};

}  // namespace stream::streams
