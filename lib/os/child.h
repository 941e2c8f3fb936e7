// A child process by its handle (pidfd), never by a number that another may have by now. Each runs
// under a record lock of its own, which the kernel ends with the process and which names its
// holder: who comes after a crash of the parent finds by it what runs, and no second one starts.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "os/fd.h"

namespace stream::os {

struct Ended {
  bool known = false;  // false: it was another's child, only its end is seen
  int code = 0;        // exit code, or 128 + the signal
};

// What a child has for stdin and stderr; -1: nothing, and ours. Borrowed.
struct ChildFiles {
  int input = -1, errors = -1;
};

class Child {
 public:
  // Starts `program` (a path) with `argv`, `environment` ("NAME=value") on top of ours, stdout to
  // nothing, in a session of its own, so that no terminal ends it. When somebody holds `lock_path`
  // it ends at once with 15. Throws Error "os".
  static Child spawn(const std::string& program, const std::vector<std::string>& argv,
                     const std::vector<std::string>& environment, const std::string& lock_path,
                     ChildFiles files = {});
  // The process that holds the lock, if there is one.
  static std::optional<Child> holder(const std::string& lock_path);

  pid_t pid() const { return pid_; }
  int fd() const { return handle_.get(); }  // readable once it has ended
  // Its arguments now; empty when it is gone.
  std::vector<std::string> argv() const;
  void signal(int number) const noexcept;
  // SIGKILL to it and to what it started and left in its group.
  void kill_group() const noexcept;
  // How it ended; nullopt while it runs. To be called once more at the most after it said so.
  std::optional<Ended> ended() const;

 private:
  Child(pid_t pid, Fd handle, bool ours) : pid_(pid), handle_(std::move(handle)), ours_(ours) {}
  pid_t pid_;
  Fd handle_;
  bool ours_;
};

// Where the program NAME is: beside this one, else by PATH; empty when nowhere.
std::string find_program(const std::string& name);

}  // namespace stream::os
