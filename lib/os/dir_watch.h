// Tells when something in some directories came, went or was closed after writing: inotify(7). A
// hint, not a list: who is woken looks itself. Where inotify can't be had (its limits are per user)
// works() is false and the caller looks at intervals. One thread.
#pragma once
#include <map>
#include <string>

#include "os/fd.h"

namespace stream::os {

class DirWatch {
 public:
  DirWatch();
  // Again for one that is watched does nothing; one that was removed and made again is watched
  // anew.
  void add(const std::string& directory);
  bool works() const { return works_; }
  int fd() const { return fd_.get(); }  // becomes readable; -1 without inotify
  // Takes what was told; true when something was.
  bool drain();

 private:
  Fd fd_;
  bool works_ = false;
  std::map<std::string, int> watches_;
};

}  // namespace stream::os
