#include "record/growing_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "os/gather.h"

namespace stream::media {

namespace {

constexpr uint64_t kAhead = 8 << 20;

}  // namespace

bool is_full(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

void sweep_recordings(const std::string& directory, const std::string& prefix) {
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    const std::string file = at->path().filename();
    const size_t dot = file.rfind(GrowingFile::kAside);
    if (!file.starts_with(prefix) || dot == std::string::npos) continue;
    const std::string pid = file.substr(dot + sizeof GrowingFile::kAside - 1);
    if (pid.empty() || pid.find_first_not_of("0123456789") != std::string::npos) continue;
    const os::Fd fd(::open(at->path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) ::unlink(at->path().c_str());
  }
}

GrowingFile::GrowingFile(std::string path, OnChange on_change)
    : path_(std::move(path)),
      aside_(path_ + kAside + std::to_string(::getpid())),
      on_change_(std::move(on_change)) {
  fd_ = std::make_shared<os::Fd>(
      ::open(aside_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!*fd_) throw_errno("create", path_, errno);
  ::flock(fd_->get(), LOCK_EX | LOCK_NB);  // a file that is still written, for sweep_recordings()
}

GrowingFile::~GrowingFile() {
  if (published_)
    release_tail();
  else
    ::unlink(aside_.c_str());
}

int GrowingFile::publish() {
  int error = 0;
  if (::renameat2(AT_FDCWD, aside_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0)
    error = errno;
  if (error == EINVAL) {  // a file system without that flag
    error = ::access(path_.c_str(), F_OK) == 0 ? EEXIST : 0;
    if (error == 0 && ::rename(aside_.c_str(), path_.c_str()) != 0) error = errno;
  }
  published_ = error == 0;
  if (published_) changed({FileChange::kPublish, 0, 0, {}, {}});
  return error;
}

int GrowingFile::put(uint64_t at, Bytes bytes) {
  const FileChange change{FileChange::kWrite, at, bytes.size(), {}, bytes};
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(fd_->get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return n < 0 ? errno : EIO;
    at += static_cast<uint64_t>(n);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  end_ = std::max(end_, at);
  allocated_ = std::max(allocated_, end_);
  changed(change);
  return 0;
}

int GrowingFile::append(Bytes head, std::span<const Buffer> payload) {
  const uint64_t begin = end_, behind = end_ + head.size();
  if (::lseek(fd_->get(), static_cast<off_t>(behind), SEEK_SET) < 0) return errno;
  const os::Written written = os::write_gather(fd_->get(), {}, payload);
  int error = written.error;
  if (error == 0) {
    changed({FileChange::kWrite, behind, written.bytes, payload, {}});
    end_ = behind + written.bytes;
    allocated_ = std::max(allocated_, end_);
    error = put(begin, head);
  }
  if (error != 0) {
    end_ = begin;
    release_tail();  // nothing torn stays
  }
  return error;
}

int GrowingFile::allocate(int mode, uint64_t at, uint64_t bytes) {
  int result;
  do result = ::fallocate(fd_->get(), mode, static_cast<off_t>(at), static_cast<off_t>(bytes));
  while (result != 0 && errno == EINTR);
  if (result != 0) {
    if (errno == EOPNOTSUPP && mode == FALLOC_FL_KEEP_SIZE) may_allocate_ = false;
    return errno;
  }
  if (mode == FALLOC_FL_INSERT_RANGE) changed({FileChange::kInsert, at, bytes, {}, {}});
  if (mode == FALLOC_FL_KEEP_SIZE) allocated_ = std::max(allocated_, at + bytes);
  return 0;
}

int GrowingFile::make_room(uint64_t bytes, uint64_t tail) {
  const uint64_t wanted = end_ + bytes + tail;
  if (!may_allocate_ || wanted <= allocated_) return 0;
  int error = 0;
  for (const uint64_t ahead : {kAhead, uint64_t{0}}) {
    error = allocate(FALLOC_FL_KEEP_SIZE, allocated_, wanted + ahead - allocated_);
    if (!is_full(error)) return error == EOPNOTSUPP ? 0 : error;
  }
  return error;
}

int GrowingFile::release_tail() {
  if (::ftruncate(fd_->get(), static_cast<off_t>(end_)) != 0) return errno;
  allocated_ = end_;
  changed({FileChange::kTruncate, end_, 0, {}, {}});
  return 0;
}

void GrowingFile::set_end(uint64_t end) {
  end_ = end;
  allocated_ = std::max(allocated_, end);
}

int GrowingFile::sync() {
  if (::fdatasync(fd_->get()) != 0 && errno != EINVAL) return errno;  // EINVAL: can't be synced
  changed({FileChange::kSync, 0, 0, {}, {}});
  return 0;
}

}  // namespace stream::media
