// One upload under way; shared by the files of upload.h.
#pragma once
#include <sys/stat.h>

#include <map>

#include "archive/upload.h"
#include "os/fd.h"

namespace stream::archive {

struct Sent {
  uint64_t size = 0;
  std::string etag, sha256;
};

// What tells a file from another one and from itself before a change.
std::string identity_of(const struct stat& st);

struct Uploader::Run {
  Run(const UploadJob& of, const Progress& p, const Growth& g) : job(of), progress(p), growth(g) {}

  const UploadJob& job;
  const Progress& progress;
  const Growth& growth;
  os::Fd file, journal;
  std::string identity;  // empty while the file grows
  PutOptions options;
  std::string upload;
  uint64_t part_size = 0;
  std::string whole_sha256;

  std::mutex mutex;  // of all below
  std::condition_variable changed;
  uint64_t size = 0;  // known so far
  bool ended = false;
  int next = 1;
  std::map<int, Sent> sent;
  uint64_t done_bytes = 0, sent_bytes = 0;
  std::exception_ptr error;

  void fail(std::exception_ptr why) {
    const std::lock_guard lock(mutex);
    if (!error) error = std::move(why);
    changed.notify_all();
  }
  void tell() {
    if (!progress) return;
    uint64_t done = 0, all = 0;
    {
      const std::lock_guard lock(mutex);
      done = done_bytes;
      all = size;
    }
    progress(done, all);
  }
};

}  // namespace stream::archive
