#include "net/offload.h"

#include <boost/asio/post.hpp>
#include <mutex>
#include <system_error>
#include <thread>

namespace stream::net {

struct Offload::Door {
  std::mutex mutex;
  boost::asio::io_context* io = nullptr;  // null: the Offload is gone
  size_t jobs = 0;

  bool enter() {
    const std::lock_guard lock(mutex);
    if (jobs >= kMaxJobs) return false;
    ++jobs;
    return true;
  }
  void leave(Completion completion) {
    const std::lock_guard lock(mutex);
    --jobs;
    if (io != nullptr && completion) boost::asio::post(*io, std::move(completion));
  }
};

Offload::Offload(boost::asio::io_context& io) : door_(std::make_shared<Door>()) {
  door_->io = &io;
}

Offload::~Offload() {
  const std::lock_guard lock(door_->mutex);
  door_->io = nullptr;
}

bool Offload::run(std::function<Completion()> job) {
  if (!door_->enter()) return false;
  try {
    std::thread([door = door_, job = std::move(job)] { door->leave(job()); }).detach();
  } catch (const std::system_error&) {
    door_->leave(nullptr);
    return false;
  }
  return true;
}

}  // namespace stream::net
