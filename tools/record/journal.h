// Keeps the recording's manifest as the recorders report, and tells the operators by events. Its
// reports come from the recorders' threads; finish() from the main thread when those have ended.
#pragma once
#include <memory>
#include <mutex>
#include <string>

#include "control/service.h"
#include "manifest/recording.h"
#include "record/recorder.h"

namespace stream::record {

inline double seconds(Nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

// A key of the store from the path of the first file, which no other recording has.
std::string key_for(const std::string& path);
// What a manifest says of a track before anything was recorded of it.
manifest::RecordingTrack to_manifest(const av::Track& track);

class Journal {
 public:
  // `parts`: recorders that report, each a file of its own at a time. `base`: what the paths in the
  // manifest are relative to, and where it is kept.
  Journal(const std::string& base, manifest::Recording recording, int parts,
          control::Service& service);

  media::RecorderEvents events(std::function<void()> broken);
  // The manifest as it stands at the end, saved.
  manifest::Json finish(const std::string& reason, const media::RecorderStatus& status);
  bool empty() const { return recording_.files.empty(); }
  // Why it is not whole, or empty. After finish().
  std::string incomplete() const;
  std::string path() const;  // of the manifest

 private:
  void opened(const media::RecordedFile& file);
  void closed(const media::RecordedFile& file);
  void finished(const media::RecordedFile& file);
  void session_started(const media::RecordedSession& session);
  void session_ended(const media::RecordedSession& session);
  void gap(const media::RecordedGap& gap);
  manifest::RecordingFile to_file(const media::RecordedFile& recorded) const;
  std::string relative(const std::string& path) const;
  void replace(const media::RecordedFile& file);
  void save(bool durable);

  const std::string base_;
  manifest::FileStore store_;
  control::Service& service_;
  const int parts_;
  std::mutex mutex_;
  manifest::Recording recording_;
  int ended_parts_ = 0;  // of the session that is ending
  std::string unsaved_;  // why the manifest on the disk is older than this one; empty: it is not
};

}  // namespace stream::record
