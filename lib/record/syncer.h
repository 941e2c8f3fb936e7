// Syncs one file every two seconds from a thread of its own, so that a slow disk delays nobody.
// What a power failure can take is that interval and the fragment being collected.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "base/time.h"
#include "os/fd.h"

namespace stream::media {

class Syncer {
 public:
  explicit Syncer(Nanoseconds interval = std::chrono::seconds(2));
  ~Syncer();
  // The file to sync from now on, and once the directory that has its name; null: none. Never waits
  // for a sync that runs.
  void watch(std::shared_ptr<os::Fd> file, std::string directory = {});
  // The errno of a sync that failed since the last call; 0: none did.
  int take_error();

 private:
  void run();

  const Nanoseconds interval_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<os::Fd> file_;
  std::string directory_;  // to be synced once
  bool stop_ = false;
  int error_ = 0;
  std::thread thread_;
};

}  // namespace stream::media
