// A live HLS output kept the same in a store while it grows. Reads the output's directory and never
// writes there; holds no media in memory; whatever the store does, the output does not notice. One
// thread runs it, `parallel` others talk to the store. status() may be called from any thread.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "archive/lag.h"
#include "archive/mirror_rendition.h"
#include "archive/store.h"
#include "base/bounded_queue.h"
#include "base/error.h"
#include "os/dir_watch.h"

namespace stream::archive {

struct MirrorOptions {
  std::string directory;  // holds master.m3u8
  std::string prefix;     // of all keys: "pre/demo/"
  unsigned parallel = 16;
  bool keep = false;                                   // objects of segments that left the window
  Nanoseconds rescan = std::chrono::seconds(1);        // beside what inotify tells
  Nanoseconds pace = std::chrono::milliseconds(1000);  // between two puts of one playlist
  Nanoseconds patience{};  // with a store that fails, then run() throws; 0: without end
  bool once = false;       // end when the store has what there is, also when more may come
  int stop_fd = -1;        // readable: stop
};

struct MirrorStatus {
  Lag segments, playlists;  // from the file's last change to its object being there
  uint64_t objects = 0, bytes = 0, removed = 0, skipped = 0, behind = 0, failures = 0;
  std::string failing;  // why the store fails now; empty: it does not
  bool live = false, ended = false;
};

// What tells a file from its successor under the same name. The kernel's stamps are coarse, so a
// file that changed a moment ago is not settled: it is read again.
struct FileMark {
  uint64_t inode = 0, size = 0;  // inode 0: it is not there
  WallTime changed{};
  bool operator==(const FileMark&) const = default;
  bool is_settled() const;
};
FileMark mark_of(const std::string& path);

class Mirror {
 public:
  struct Events {
    std::function<void()> live;                           // all playlists are in the store
    std::function<void(const std::string& why)> failing;  // the first failure after a success
    std::function<void(Nanoseconds outage)> recovered;
    std::function<void(const MirrorStatus&)> lag;  // every 10 s
  };

  Mirror(Store& store, MirrorOptions options, Events events);
  ~Mirror();

  // Until all of the output, which has ended unless `once`, is in the store (true), or the stop
  // (false). Throws Error "archive.refused" when the store refuses before it has ever taken
  // anything, and the store's when that has failed for longer than the patience.
  bool run();
  MirrorStatus status() const;

 private:
  enum class Kind { kFile, kPlaylist, kMaster, kRemoval };
  struct Job {
    Kind kind = Kind::kFile;
    std::string folder, uri;        // rendition "720p/", file "segment_000001.m4s"
    std::string text;               // of a playlist
    Object there;                   // what the store had under the name before
    std::vector<std::string> keys;  // of a removal
    bool ended = false;
    WallTime changed{};
  };
  struct Result {
    Job job;
    enum class Outcome { kDone, kAbsent, kFailed } outcome = Outcome::kDone;
    std::optional<Error> error;
    uint64_t bytes = 0;
    WallTime changed{}, visible{};  // of the file; when its object was there, or never put
  };
  struct Rendition {
    MirrorRendition state;
    std::string playlist;  // its file's name
    std::string complaint;
    FileMark mark;  // of the playlist that was read last
    bool settled = false;
    Nanoseconds next_put{};
  };

  void work();
  Result perform(Job job);
  void perform_file(const Job& job, Result& result);
  void scan();
  void scan_rendition(const std::string& folder, Rendition& rendition);
  void take_master(const std::string& text);
  void look_at_store(const std::string& folder, Rendition& rendition);
  void dispatch();
  bool next_job(Job& job);
  void collect();
  void settle(Result& result);
  void note_failure(const Error& error);
  void note_success();
  void remove_old(const std::string& folder, Rendition& rendition);
  void wait();
  void tell_lag();
  bool has_ended() const;
  bool is_current() const;

  Store& store_;
  const MirrorOptions options_;
  const Events events_;
  os::DirWatch watch_;
  os::Fd wake_;
  BoundedQueue<Job> jobs_;
  std::vector<std::thread> workers_;
  std::map<std::string, Rendition> renditions_;  // by folder
  std::map<std::string, Object> there_;          // what was in the store at the start
  std::string master_, master_put_;
  FileMark master_mark_;
  WallTime began_{};
  bool master_settled_ = false, master_under_way_ = false, was_live_ = false;
  size_t under_way_ = 0;
  std::string turn_;  // the folder that was served last
  Nanoseconds hold_until_{}, failing_since_{}, next_lag_{};
  int failures_in_a_row_ = 0;
  mutable std::mutex mutex_;  // of the two below
  MirrorStatus status_;
  std::vector<Result> results_;
};

}  // namespace stream::archive
