#include "record/syncer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace stream::media {

Syncer::Syncer(Nanoseconds interval) : interval_(interval), thread_([this] { run(); }) {}

Syncer::~Syncer() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Syncer::watch(std::shared_ptr<os::Fd> file, std::string directory) {
  std::lock_guard lock(mutex_);
  file_ = std::move(file);
  directory_ = std::move(directory);
}

int Syncer::take_error() {
  std::lock_guard lock(mutex_);
  return std::exchange(error_, 0);
}

void Syncer::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    wake_.wait_for(lock, interval_, [this] { return stop_; });
    if (stop_ || !file_) continue;
    const std::shared_ptr<os::Fd> file = file_;
    const std::string directory = std::exchange(directory_, {});
    lock.unlock();
    if (!directory.empty()) {
      const os::Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (fd) ::fsync(fd.get());
    }
    const int error = ::fdatasync(file->get()) == 0 ? 0 : errno;
    lock.lock();
    if (error != 0 && error != EINVAL && file == file_) error_ = error;  // EINVAL: can't be synced
  }
}

}  // namespace stream::media
