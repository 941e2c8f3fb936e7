// Closes files behind the recorder's back: index, sync, thumbnails and checksum take their time on
// a thread of their own while the next file is written already. In order, closing before the rest.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "av/track.h"
#include "record/thumbnails.h"
#include "record/writer.h"

namespace stream::media {

using WallTime = std::chrono::system_clock::time_point;

struct RecordedTrack {
  av::Track track;
  std::string codec_string;  // RFC 6381
  uint64_t samples = 0;
  int index = 0;  // the writer's
};

struct RecordedFile {
  std::string path;
  Container container = Container::kMp4;
  int session = 1;
  WallTime started, ended;  // wall clock of the first and after the last packet
  Nanoseconds duration{};
  uint64_t bytes = 0;
  int discontinuities = 0;
  bool complete = false;  // ended and indexed
  std::string reason;     // why it ended
  std::string sha256;     // in hex; empty: not known
  std::vector<RecordedTrack> tracks;
  std::optional<Thumbnails::Made> thumbnails;
};

struct RecordedSession {
  int number = 1;
  WallTime started, ended;
  std::string reason;
};

// Called on the finisher's thread.
struct FinisherEvents {
  std::function<void(const RecordedFile&)> closed;    // it can be played and will not change
  std::function<void(const RecordedFile&)> finished;  // checksum and thumbnails are known
  std::function<void(const RecordedSession&)> session_ended;  // all of its files are finished
};

class Finisher {
 public:
  explicit Finisher(FinisherEvents events);
  ~Finisher();

  void file(std::unique_ptr<Writer> writer, RecordedFile info, std::unique_ptr<Thumbnails> preview);
  void session(RecordedSession session);
  // Until every file given is closed.
  void wait_closed();
  // Does the rest and ends. A checksum that is not there by the deadline is left out.
  void finish(Nanoseconds deadline);

 private:
  struct File {
    std::unique_ptr<Writer> writer;
    RecordedFile info;
    std::unique_ptr<Thumbnails> preview;
  };
  using Job = std::variant<File, RecordedSession>;

  void run();
  void close_all();
  void close(File& file);
  void complete(Job& job);
  std::string checksum(const std::string& path);

  const FinisherEvents events_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> to_close_;
  bool closing_ = false, stop_ = false;
  Nanoseconds deadline_ = Nanoseconds::max();
  std::deque<Job> to_complete_;  // the thread's own
  std::thread thread_;
};

}  // namespace stream::media
