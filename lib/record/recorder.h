// Writes a live stream into files as it comes: packets in on one thread, files out on another, a
// bounded queue between them, files are finished on a third. A new file begins when the tracks or
// their parameters change, on request, by time or size, and after the disk was full; a file that
// can't go on is closed playable, the reader is never stopped. Sittings of the publisher become
// sessions. Tells what happens by callbacks on the writer's and the finisher's threads.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "av/packet.h"
#include "av/track.h"
#include "base/bounded_queue.h"
#include "encode/sound_converter.h"
#include "record/file_names.h"
#include "record/finisher.h"
#include "record/pre_roll.h"
#include "record/syncer.h"
#include "record/thumbnails.h"
#include "record/writer.h"

namespace stream::media {

// The publisher was away, and the recording goes on in the same session.
struct RecordedGap {
  int session = 1;
  std::string path;
  Nanoseconds at{};  // in the file
  WallTime started, ended;
};

// A file that was to end before the next keyframe goes on, as no keyframe comes.
struct LateSplit {
  std::string path;
  std::string asked;           // "--split 10s", or "the split on request"
  Nanoseconds keyframe_ago{};  // media since the last keyframe
};

struct RecorderEvents {
  std::function<void(const RecordedFile&)> opened;
  FinisherEvents finisher;
  std::function<void(const RecordedSession&)> session_started;
  std::function<void(const RecordedGap&)> gap;
  // The disk refuses; media is lost from here on.
  std::function<void(const std::string& path, const std::string& reason)> stalled;
  std::function<void(Nanoseconds lost)> resumed;
  std::function<void(const LateSplit&)> split_late;  // once
  // The recorder can't go on at all; finish() will throw the reason.
  std::function<void()> broken;
};

struct RecorderOptions {
  std::string output;  // as in FileNames; the directories must exist
  std::string name;    // of files in a directory
  std::string part;    // what ends their names
  Container container = Container::kMp4;
  std::optional<av::MediaType> only;  // of the tracks
  Nanoseconds expected{};             // length, if it is known: sizes the reserved area
  bool wait = false;  // a full queue: push() waits, or drops up to the next keyframe
  bool may_insert = true;
  std::optional<Nanoseconds> split_time;
  std::optional<uint64_t> split_bytes;
  Nanoseconds gap = std::chrono::seconds(60);  // of live media: longer ones end a session
  bool standby = false;                        // until start()
  Nanoseconds pre_roll{};
  uint64_t min_free = 0;  // bytes that stay free
  std::optional<Nanoseconds> thumbnails;
};

struct RecorderStatus {
  std::string path;                // of the open file; empty: none
  Nanoseconds recorded{}, lost{};  // media time
  uint64_t bytes = 0, dropped_packets = 0;
  size_t files = 0, queued_packets = 0;
  int session = 0;  // that is open; 0: none
  bool stalled = false, active = true;
};

class Recorder {
 public:
  Recorder(RecorderOptions options, RecorderEvents events);
  ~Recorder();  // as finish(), but silent

  // The next packets belong to these tracks. From the reader's thread, as push(). The same tracks
  // again change nothing.
  void set_tracks(const av::Tracks& tracks);
  // False once the writer is gone (broken or finished).
  bool push(av::Packet packet);
  // Writes what is queued, closes the file and the session with `reason`. Throws what broke the
  // writer.
  void finish(const std::string& reason);

  // Any thread. A new file begins with the next keyframe; a session begins with the next keyframe
  // or with what the pre-roll has; it ends.
  void split() { split_ = true; }
  void start() { request_ = kStart; }
  void stop() { request_ = kStop; }
  RecorderStatus status() const;
  const std::string& directory() const { return names_.directory(); }

 private:
  struct Item {
    std::shared_ptr<const av::Tracks> tracks;  // set: the tracks of what follows, no packet
    av::Packet packet;
    Nanoseconds arrival{};
  };
  enum Request { kNone, kStart, kStop };

  // recorder.cpp: what becomes of a packet.
  void run();
  void idle();
  void handle_request();
  void take_tracks(const av::Tracks& tracks);
  void take(av::Packet packet);
  void notice_gap(const av::Packet& packet, Nanoseconds arrival);
  void place(av::Packet packet);
  bool split_due(Nanoseconds now) const;
  void tell_late_split(Nanoseconds now);
  bool must_wait(const av::Packet& packet, const Buffer& parameters);
  void release_sound();
  Buffer new_parameters(const av::Packet& packet) const;
  void reconfigure(int track, const Buffer& parameters);
  bool is_start(const av::Packet& packet) const;
  bool decodable(const av::Packet& packet) const;
  Nanoseconds time_of(const av::Packet& packet) const;
  void publish();

  // recorder_files.cpp: when files begin and end.
  bool may_begin();
  bool has_room();
  void flush();
  bool open_file();
  void create_file(const RecordingFileOptions& options);
  void preview(const av::Packet& packet);
  void tell_gap();
  void close_file(const std::string& reason);
  void end_file(const std::string& reason);
  void end_session(const std::string& reason);
  void abandon();
  void stall(std::string path, const std::string& reason);  // a copy: the file goes
  FinisherEvents counted(FinisherEvents events);

  const RecorderOptions options_;
  const RecorderEvents events_;
  const FileNames names_;
  BoundedQueue<Item> queue_;
  bool skipping_ = false;  // reader's thread: the queue overflowed
  bool reader_has_video_ = false;
  std::vector<int> own_index_;  // reader's thread: of the input's tracks; -1: not recorded
  std::atomic<uint64_t> dropped_{0};
  std::atomic<bool> split_{false};
  std::atomic<Request> request_{kNone};

  // The writer's own.
  av::Tracks source_tracks_, tracks_;  // as they come, as they are written
  std::vector<std::unique_ptr<SoundConverter>> converters_;
  std::unique_ptr<Writer> writer_;
  std::unique_ptr<Thumbnails> preview_;
  std::optional<av::Packet> first_key_;  // for the preview of a file that is not open yet
  RecordedFile info_;
  std::string end_reason_ = "ended";
  bool picture_began_ =
      false;                   // a keyframe was taken in this session: what is left out now is lost
  std::vector<bool> started_;  // per track: a packet that is decodable by itself was taken
  // Sound with new parameters, which needs a new file, until a picture can begin one.
  std::vector<av::Packet> waiting_sound_;
  std::vector<bool> waits_;          // per track
  std::vector<Nanoseconds> newest_;  // likewise: time goes back within a track alone
  bool active_ = true, stalled_ = false;
  PreRoll pre_roll_;
  Nanoseconds stalled_at_{}, next_try_{}, next_look_{}, now_media_{}, file_start_{};
  uint64_t group_bytes_ = 0, last_group_bytes_ = 0;
  Nanoseconds last_key_{};                 // where a file could have begun
  std::optional<Nanoseconds> split_late_;  // since when a split has waited for a keyframe
  bool told_late_split_ = false;
  std::optional<Nanoseconds> last_arrival_;
  std::optional<RecordedGap> gap_;  // to be told once the file is known
  std::string publication_;
  bool rejoined_ = false;  // the reader told tracks again: its source came back
  std::optional<RecordedSession> session_;
  int sessions_ = 0;
  Nanoseconds lost_{};
  size_t files_ = 0;

  mutable std::mutex mutex_;  // what follows
  RecorderStatus status_;
  Nanoseconds closed_time_{};
  uint64_t closed_bytes_ = 0;

  Syncer syncer_;
  Finisher finisher_;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace stream::media
