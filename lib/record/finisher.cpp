#include "record/finisher.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "base/log.h"
#include "crypto/encoding.h"
#include "crypto/hash.h"

namespace stream::media {

Finisher::Finisher(FinisherEvents events)
    : events_(std::move(events)), thread_([this] { run(); }) {}

Finisher::~Finisher() {
  finish(monotonic_now());
}

void Finisher::file(std::unique_ptr<Writer> writer, RecordedFile info,
                    std::unique_ptr<Thumbnails> preview) {
  std::lock_guard lock(mutex_);
  to_close_.push_back(File{std::move(writer), std::move(info), std::move(preview)});
  changed_.notify_all();
}

void Finisher::session(RecordedSession session) {
  std::lock_guard lock(mutex_);
  to_close_.push_back(std::move(session));
  changed_.notify_all();
}

void Finisher::wait_closed() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return to_close_.empty() && !closing_; });
}

void Finisher::finish(Nanoseconds deadline) {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    deadline_ = std::min(deadline_, deadline);
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Finisher::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || !to_close_.empty(); });
      if (stop_ && to_close_.empty()) return;
    }
    close_all();
    while (!to_complete_.empty()) {
      Job job = std::move(to_complete_.front());
      to_complete_.pop_front();
      complete(job);
    }
  }
}

void Finisher::close_all() {
  std::unique_lock lock(mutex_);
  while (!to_close_.empty()) {
    closing_ = true;
    Job job = std::move(to_close_.front());
    to_close_.pop_front();
    lock.unlock();
    if (File* file = std::get_if<File>(&job)) close(*file);
    to_complete_.push_back(std::move(job));
    lock.lock();
    closing_ = false;
    changed_.notify_all();
  }
}

void Finisher::close(File& file) {
  int error = EIO;
  try {
    error = file.writer->finish();
  } catch (const Error& failure) {
    log::error(failure.what());
  }
  RecordedFile& info = file.info;
  if (error != 0)
    log::warning("cannot index " + info.path + " (it plays as it is): " + errno_text(error));
  info.duration = file.writer->duration();
  info.bytes = file.writer->size();
  info.complete = error == 0;
  for (RecordedTrack& track : info.tracks) track.samples = file.writer->samples(track.index);
  file.writer.reset();
  if (events_.closed) events_.closed(info);
}

void Finisher::complete(Job& job) {
  if (const auto* session = std::get_if<RecordedSession>(&job)) {
    if (events_.session_ended) events_.session_ended(*session);
    return;
  }
  auto& file = std::get<File>(job);
  if (file.preview) file.info.thumbnails = file.preview->finish(file.info.duration);
  file.preview.reset();
  file.info.sha256 = checksum(file.info.path);
  if (events_.finished) events_.finished(file.info);
}

// In pieces, between which files that wait to be closed are.
std::string Finisher::checksum(const std::string& path) {
  const os::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return {};
  crypto::Sha256 hash;
  std::vector<uint8_t> piece(256 << 10);
  for (;;) {
    const ssize_t n = ::read(fd.get(), piece.data(), piece.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return {};
    if (n == 0) return crypto::hex(hash.finish());
    hash.add(Bytes(piece.data(), static_cast<size_t>(n)));
    close_all();
    std::lock_guard lock(mutex_);
    if (monotonic_now() > deadline_) return {};
  }
}

}  // namespace stream::media
