// A file that is appended to for hours: it appears under its name when its head is in it, holds
// blocks ahead of its end so that a full disk is seen before a write meets it, and every change of
// what is on the disk goes through here. Errors are errno values. One thread; the descriptor is
// shared so that another may sync it.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/buffer.h"
#include "os/fd.h"

namespace stream::media {

// One call that changes the file, for tests that look at every state a crash may leave.
struct FileChange {
  enum Kind { kWrite, kInsert, kTruncate, kPublish, kSync } kind = kWrite;
  uint64_t at = 0;               // kWrite, kInsert; for kTruncate the new size
  uint64_t size = 0;             // kWrite, kInsert
  std::span<const Buffer> more;  // kWrite: what follows `bytes`
  Bytes bytes;
};
using OnChange = std::function<void(const FileChange&)>;

// True for the errors of a disk that is full.
bool is_full(int error);

class GrowingFile {
 public:
  // In the name of a file that has no head yet.
  static constexpr char kAside[] = ".tmp";  // and the process id

  // Written beside `path` until publish(). Throws Error naming the path.
  explicit GrowingFile(std::string path, OnChange on_change = {});
  ~GrowingFile();  // gives back what is held ahead; removes what was not published
  GrowingFile(const GrowingFile&) = delete;

  // Gives it its name, which must be free: EEXIST otherwise.
  int publish();

  int put(uint64_t at, Bytes bytes);
  // Head and payload at the end; nothing of them stays when it fails. The head, which is small, is
  // written last: a kill in the middle of the payload, or who reads the file meanwhile, meets zeros
  // there and never a fragment that is cut short.
  int append(Bytes head, std::span<const Buffer> payload);
  // Holds blocks for `bytes` more and for `tail` behind them. `held()` says what there is in any
  // case.
  int make_room(uint64_t bytes, uint64_t tail);
  int allocate(int mode, uint64_t at, uint64_t bytes);  // fallocate(2)
  int release_tail();                                   // gives back the blocks held ahead
  int sync();

  uint64_t end() const { return end_; }
  void set_end(uint64_t end);
  uint64_t held() const { return allocated_; }
  bool may_allocate() const { return may_allocate_; }
  const std::string& path() const { return path_; }
  const std::shared_ptr<os::Fd>& descriptor() const { return fd_; }

 private:
  void changed(const FileChange& change) {
    if (on_change_) on_change_(change);
  }

  std::string path_, aside_;
  OnChange on_change_;
  std::shared_ptr<os::Fd> fd_;
  uint64_t end_ = 0, allocated_ = 0;
  bool may_allocate_ = true, published_ = false;
};

// Removes what processes left beside the files of this directory whose names begin with `prefix`,
// that died before the file had a head.
void sweep_recordings(const std::string& directory, const std::string& prefix);

}  // namespace stream::media
