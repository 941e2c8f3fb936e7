#include "os/dir_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace stream::os {

DirWatch::DirWatch() : fd_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  works_ = static_cast<bool>(fd_);
}

void DirWatch::add(const std::string& directory) {
  if (!fd_ || watches_.count(directory)) return;
  const int watch =
      ::inotify_add_watch(fd_.get(), directory.c_str(),
                          IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ONLYDIR);
  if (watch >= 0)
    watches_[directory] = watch;
  else if (errno != ENOENT)
    works_ = false;
}

bool DirWatch::drain() {
  bool told = false;
  alignas(struct inotify_event) char buffer[4096];
  for (ssize_t n; fd_ && (n = ::read(fd_.get(), buffer, sizeof buffer)) > 0;) {
    told = true;
    for (ssize_t at = 0; at < n;) {
      struct inotify_event event {};
      std::memcpy(&event, buffer + at, sizeof event);
      at += static_cast<ssize_t>(sizeof event + event.len);
      if (!(event.mask & IN_IGNORED)) continue;
      for (auto i = watches_.begin(); i != watches_.end();)
        i = i->second == event.wd ? watches_.erase(i) : std::next(i);
    }
  }
  return told;
}

}  // namespace stream::os
