// What push and follow share: one live HLS output mirrored into a store, and what is told of it.
#pragma once
#include <memory>
#include <string>

#include "archive/mirror.h"
#include "os/file_lock.h"
#include "verbs.h"

namespace stream::archive {

// A mirror of `directory` as `stream` in the store. No other process mirrors to that place
// meanwhile: throws Error kLocked "lock.held".
class Mirroring {
 public:
  Mirroring(std::shared_ptr<OpenStore> store, control::Service& service, MirrorOptions options,
            const std::string& stream);

  // As Mirror::run(), for an output that has ended with the event "mirror.ended".
  bool run();
  const std::string& url() const { return url_; }  // of the master playlist
  MirrorStatus status() const { return mirror_.status(); }

 private:
  const std::shared_ptr<OpenStore> store_;  // outlives the mirror
  control::Service& service_;
  const std::string url_;
  const os::FileLock lock_;
  Mirror mirror_;
};

// Lag, counts and what is behind.
Json to_json(const MirrorStatus& status);
// The same with where it is and how the store does, for the verb "status".
Json status_json(const MirrorStatus& status, const std::string& url);
std::string line_of(const MirrorStatus& status);

}  // namespace stream::archive
