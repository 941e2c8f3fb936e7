// One try to bring a message to its receiver: a POST with the headers of Standard Webhooks, or a
// program that gets the event on its standard input. Blocks for the hook's limit at the most.
#pragma once
#include <atomic>
#include <functional>
#include <string>

#include "base/secret.h"
#include "hooks/hook.h"

namespace stream::hooks {

// Reads "@file:PATH" and the like; throws what cli::read_secret throws.
using ReadSecret = std::function<Secret(const std::string& source)>;

struct Place {
  std::string stream;     // its name, of the grammar of names
  std::string lock_path;  // of a program: two of one hook don't run at once
};

// Empty when the receiver has it, else why not, without secrets. Never throws. `cancelled` ends it
// early. What stands for secrets is kept in `Courier` until a try fails.
class Courier {
 public:
  Courier(Hook hook, Place place, ReadSecret read_secret);
  std::string deliver(const Message& message, const std::atomic<bool>& cancelled);

 private:
  std::string post(const Message& message, const std::atomic<bool>& cancelled);
  std::string run(const Message& message, const std::atomic<bool>& cancelled);

  const Hook hook_;
  const Place place_;
  const ReadSecret read_secret_;
  Secret url_, secret_;
};

}  // namespace stream::hooks
