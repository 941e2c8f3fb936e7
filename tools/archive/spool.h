// Standard input into a file that grows while it is uploaded, on a thread of its own. It stops at
// its limits: the disk belongs to others as well.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/time.h"
#include "control/service.h"
#include "os/fd.h"

namespace stream::archive {

struct SpoolLimits {
  uint64_t max = 0;  // of all spools in the directory together; 0: none
  uint64_t min_free = 0;
};

class Spool {
 public:
  // Throws Error when nothing can be kept in the directory of `path`.
  Spool(std::string path, SpoolLimits limits, control::Service& service);
  ~Spool();  // waits for the end of standard input

  // Blocks until there is more than `size` or no more comes: how much, and whether that is all.
  std::pair<uint64_t, bool> grown(uint64_t size);
  // Why it ended before standard input did; once grown() said that it has ended.
  std::optional<Error> error() const;

 private:
  void run();
  std::string obstacle(uint64_t more);
  uint64_t others() const;

  const std::string path_, directory_;
  const SpoolLimits limits_;
  control::Service& service_;
  os::Fd file_;
  uint64_t others_ = 0;  // bytes of other spools, as last seen
  Nanoseconds looked_{};
  mutable std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  uint64_t size_ = 0;
  bool ended_ = false;
  std::string reason_;
  std::thread thread_;
};

}  // namespace stream::archive
