// Another of our programs, run to its end in the service of a verb. Blocks its caller.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "control/service.h"

namespace stream::archive {

struct ProgramRun {
  std::string name;                    // "stream-ladder"
  std::vector<std::string> arguments;  // without the name, and without --events
  std::string folder;                  // its lock, its words and its events lie there meanwhile
  std::function<void(const control::Json& event)> event;
};

// Throws the Error that the program ended with; kUnsupported "program.absent" when it is not
// installed, "archive.stopped" when the service stops, which stops the program.
void run_program(const ProgramRun& run, control::Service& service);
// Ends what a killed run has left in `folder`.
void end_program(const std::string& folder, const std::string& name);

}  // namespace stream::archive
