// The one exception of the library: "we can't do what we were told". A peer's bad bytes are a
// value, our own bugs are an assert; neither uses this. Caught in cli::run_tool and at the edge of
// a session or worker only.
#pragma once
#include <stdexcept>
#include <string>

namespace stream {

// The exit codes that every program shares; stream(7) lists them.
enum class Exit : int {
  kOk = 0,
  kNo = 1,  // a predicate is false; elsewhere: a failure of no other class
  kUsage = 2,
  kUnsupported = 3,  // by this build: codec, protocol, encoder
  kNotAllowed = 4,
  kConfig = 6,         // configuration or manifest invalid
  kNotRunning = 7,     // no such running stream
  kNetwork = 10,       // after retries: trying again may help
  kRefused = 11,       // by the other side, for good
  kInputDamaged = 12,  // ended early or damaged; what exists was finalised
  kPartial = 13,
  kLocked = 15,
  kTimeout = 124,
  kInterrupted = 130,
  kTerminated = 143,
};

class Error : public std::runtime_error {
 public:
  // `id` is stable and findable in stream(7), for example "bus.absent". `message` says what failed
  // with the user's own value and why; `hint` what to do next.
  Error(Exit code, std::string id, const std::string& message, std::string hint = {})
      : std::runtime_error(message), code_(code), id_(std::move(id)), hint_(std::move(hint)) {}

  Exit code() const noexcept { return code_; }
  const std::string& id() const noexcept { return id_; }
  const std::string& hint() const noexcept { return hint_; }

 private:
  Exit code_;
  std::string id_, hint_;
};

// "No such file or directory" for an errno value; thread-safe.
std::string errno_text(int error_number);

// The code for a failure of the operating system on what the user named: kNotAllowed for EACCES and
// EPERM, kNo otherwise. Throws Error("os.<operation>", "cannot <operation> <subject>: <reason>").
[[noreturn]] void throw_errno(const char* operation, const std::string& subject, int error_number,
                              std::string hint = {});

}  // namespace stream
