// Another of our programs, run to its end in the service of a verb.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "control/service.h"
#include "os/child.h"
#include "os/fd.h"

namespace stream::archive {

struct ProgramRun {
  std::string name;                    // "stream-ladder"
  std::vector<std::string> arguments;  // without the name, and without --events
  std::string folder;                  // its lock, its words and its events lie there meanwhile
  std::function<void(const control::Json& event)> event;
  std::string verb = {};  // of the program's, when its events are asked for
  int input = -1;         // its stdin, borrowed while it starts; -1: nothing
};

class Program {
 public:
  // Starts it, after what a killed run has left in its folder was ended. Throws Error kUnsupported
  // "program.absent" when it is not installed.
  Program(ProgramRun run, control::Service& service);
  ~Program();  // ends it when it runs still
  Program(const Program&) = delete;

  // Waits for what it tells, and hands that on; false when it has ended well. Throws the Error that
  // it ended with; "archive.stopped" when the service stops, which stops the program.
  bool wait();

 private:
  void take_lines();

  const ProgramRun run_;
  control::Service& service_;
  os::Fd events_, words_;
  std::optional<os::Child> child_;
  std::string line_;
  Nanoseconds kill_at_{};
  bool ended_ = false;
};

// All of it. Blocks its caller.
void run_program(const ProgramRun& run, control::Service& service);
// Ends what a killed run has left in `folder`.
void end_program(const std::string& folder, const std::string& name);

}  // namespace stream::archive
