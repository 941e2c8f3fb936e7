// One process at a time on a resource: an exclusive lock on a file beside it, gone with the
// process.
#pragma once
#include <chrono>
#include <string>

#include "os/fd.h"

namespace stream::os {

class FileLock {
 public:
  // Creates `path` 0600 if needed. Throws Error kLocked "lock.held", naming the holder's process id
  // and `what` is locked, when another instance still has it after `patience`.
  FileLock(const std::string& path, const std::string& what,
           std::chrono::milliseconds patience = std::chrono::milliseconds(0));

 private:
  Fd file_;
};

}  // namespace stream::os
